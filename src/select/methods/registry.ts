// Written by scripts/write-registries.mjs from the files of this folder. Do not edit.
import type { Options } from '../../base/options.ts';
import type { Selector } from '../selector.ts';
import { adaptInf } from './adapt-inf/adapt-inf.ts';
import { aum } from './aum.ts';
import { clipScore } from './clip-score.ts';
import { coido } from './coido.ts';
import { coincide } from './coincide/coincide.ts';
import { cvs } from './cvs.ts';
import { d2 } from './d2/d2.ts';
import { datainf } from './datainf.ts';
import { datatailor } from './datatailor/datatailor.ts';
import { dics } from './dics.ts';
import { el2n } from './el2n.ts';
import { facilityLocation } from './facility-location/facility-location.ts';
import { farthestPoint } from './farthest-point.ts';
import { icons } from './icons.ts';
import { ifd } from './ifd/ifd.ts';
import { learnability } from './learnability.ts';
import { less } from './less.ts';
import { magic } from './magic.ts';
import { midPpl } from './mid-ppl.ts';
import { mmssr } from './mmssr.ts';
import { presel } from './presel/presel.ts';
import { prism } from './prism.ts';
import { random } from './random.ts';
import { rdsPlus } from './rds-plus.ts';
import { s2l } from './s2l.ts';
import { scalselect } from './scalselect/scalselect.ts';
import { selfFilter } from './self-filter.ts';
import { selfSup } from './self-sup.ts';
import { semdedup } from './semdedup/semdedup.ts';
import { tive } from './tive/tive.ts';
import { top } from './top.ts';
import { typiclust } from './typiclust/typiclust.ts';
import { visnec } from './visnec.ts';
import { weighted } from './weighted.ts';
import { xmas } from './xmas.ts';

/** Every method, in the order in which it is listed. */
export const methods: readonly Selector[] = [
  visnec as Selector,
  xmas as Selector,
  coincide as Selector,
  semdedup as Selector,
  d2 as Selector,
  selfSup as Selector,
  typiclust as Selector,
  facilityLocation as Selector,
  farthestPoint as Selector,
  random as Selector,
  top as Selector,
  weighted as Selector,
  el2n as Selector,
  aum as Selector,
  clipScore as Selector,
  midPpl as Selector,
  learnability as Selector,
  ifd as Selector,
  cvs as Selector,
  selfFilter as Selector,
  coido as Selector,
  magic as Selector,
  dics as Selector,
  prism as Selector,
  less as Selector,
  icons as Selector,
  rdsPlus as Selector,
  datainf as Selector,
  tive as Selector,
  s2l as Selector,
  presel as Selector,
  scalselect as Selector,
  datatailor as Selector,
  mmssr as Selector,
  adaptInf as Selector,
];

type OptionsOf<T> = T extends Selector<infer O> ? Options<O> : never;

/** A method with its own options; they are those of `winnow select <method> --help`. */
export type MethodRequest =
  | ({ method: 'adapt-inf' } & OptionsOf<typeof adaptInf>)
  | ({ method: 'aum' } & OptionsOf<typeof aum>)
  | ({ method: 'clip-score' } & OptionsOf<typeof clipScore>)
  | ({ method: 'coido' } & OptionsOf<typeof coido>)
  | ({ method: 'coincide' } & OptionsOf<typeof coincide>)
  | ({ method: 'cvs' } & OptionsOf<typeof cvs>)
  | ({ method: 'd2' } & OptionsOf<typeof d2>)
  | ({ method: 'datainf' } & OptionsOf<typeof datainf>)
  | ({ method: 'datatailor' } & OptionsOf<typeof datatailor>)
  | ({ method: 'dics' } & OptionsOf<typeof dics>)
  | ({ method: 'el2n' } & OptionsOf<typeof el2n>)
  | ({ method: 'facility-location' } & OptionsOf<typeof facilityLocation>)
  | ({ method: 'farthest-point' } & OptionsOf<typeof farthestPoint>)
  | ({ method: 'icons' } & OptionsOf<typeof icons>)
  | ({ method: 'ifd' } & OptionsOf<typeof ifd>)
  | ({ method: 'learnability' } & OptionsOf<typeof learnability>)
  | ({ method: 'less' } & OptionsOf<typeof less>)
  | ({ method: 'magic' } & OptionsOf<typeof magic>)
  | ({ method: 'mid-ppl' } & OptionsOf<typeof midPpl>)
  | ({ method: 'mmssr' } & OptionsOf<typeof mmssr>)
  | ({ method: 'presel' } & OptionsOf<typeof presel>)
  | ({ method: 'prism' } & OptionsOf<typeof prism>)
  | ({ method: 'random' } & OptionsOf<typeof random>)
  | ({ method: 'rds-plus' } & OptionsOf<typeof rdsPlus>)
  | ({ method: 's2l' } & OptionsOf<typeof s2l>)
  | ({ method: 'scalselect' } & OptionsOf<typeof scalselect>)
  | ({ method: 'self-filter' } & OptionsOf<typeof selfFilter>)
  | ({ method: 'self-sup' } & OptionsOf<typeof selfSup>)
  | ({ method: 'semdedup' } & OptionsOf<typeof semdedup>)
  | ({ method: 'tive' } & OptionsOf<typeof tive>)
  | ({ method: 'top' } & OptionsOf<typeof top>)
  | ({ method: 'typiclust' } & OptionsOf<typeof typiclust>)
  | ({ method: 'visnec' } & OptionsOf<typeof visnec>)
  | ({ method: 'weighted' } & OptionsOf<typeof weighted>)
  | ({ method: 'xmas' } & OptionsOf<typeof xmas>);
