import type { Options } from '../../base/options.ts';
import type { AdaptInfOptions } from './adapt-inf/adapt-inf.ts';
import type { ClipScoreOptions } from './clip-score.ts';
import type { CoidoOptions } from './coido.ts';
import type { CoincideOptions } from './coincide/coincide.ts';
import type { CvsOptions } from './cvs.ts';
import type { D2Options } from './d2/d2.ts';
import type { DatainfOptions } from './datainf.ts';
import type { DatatailorOptions } from './datatailor/datatailor.ts';
import type { DicsOptions } from './dics.ts';
import type { FacilityLocationOptions } from './facility-location/facility-location.ts';
import type { FarthestPointOptions } from './farthest-point.ts';
import type { IconsOptions } from './icons.ts';
import type { IfdOptions } from './ifd.ts';
import type { LearnabilityOptions } from './learnability.ts';
import type { LessOptions } from './less.ts';
import type { MagicOptions } from './magic.ts';
import type { MidPplOptions } from './mid-ppl.ts';
import type { MmssrOptions } from './mmssr.ts';
import type { PreselOptions } from './presel/presel.ts';
import type { PrismOptions } from './prism.ts';
import type { RandomOptions } from './random.ts';
import type { RdsPlusOptions } from './rds-plus.ts';
import type { S2lOptions } from './s2l.ts';
import type { ScalselectOptions } from './scalselect/scalselect.ts';
import type { SelfFilterOptions } from './self-filter.ts';
import type { SelfSupOptions } from './self-sup.ts';
import type { SemdedupOptions } from './semdedup/semdedup.ts';
import type { TokenScoreOptions } from './shared/token-score.ts';
import type { TiveOptions } from './tive/tive.ts';
import type { TopOptions } from './top.ts';
import type { TypiclustOptions } from './typiclust/typiclust.ts';
import type { VisnecOptions } from './visnec.ts';
import type { WeightedOptions } from './weighted.ts';
import type { XmasOptions } from './xmas.ts';

/** Options of each method, by its name. */
interface OptionsOfMethods {
  'adapt-inf': AdaptInfOptions;
  aum: TokenScoreOptions;
  'clip-score': ClipScoreOptions;
  coido: CoidoOptions;
  coincide: CoincideOptions;
  cvs: CvsOptions;
  d2: D2Options;
  datainf: DatainfOptions;
  datatailor: DatatailorOptions;
  dics: DicsOptions;
  el2n: TokenScoreOptions;
  'facility-location': FacilityLocationOptions;
  'farthest-point': FarthestPointOptions;
  icons: IconsOptions;
  ifd: IfdOptions;
  learnability: LearnabilityOptions;
  less: LessOptions;
  magic: MagicOptions;
  'mid-ppl': MidPplOptions;
  mmssr: MmssrOptions;
  presel: PreselOptions;
  prism: PrismOptions;
  random: RandomOptions;
  'rds-plus': RdsPlusOptions;
  s2l: S2lOptions;
  scalselect: ScalselectOptions;
  'self-filter': SelfFilterOptions;
  'self-sup': SelfSupOptions;
  semdedup: SemdedupOptions;
  tive: TiveOptions;
  top: TopOptions;
  typiclust: TypiclustOptions;
  visnec: VisnecOptions;
  weighted: WeightedOptions;
  xmas: XmasOptions;
}

/** A method with its own options; they are those of `winnow select <method> --help`. */
export type MethodRequest = {
  [M in keyof OptionsOfMethods]: { method: M } & Options<OptionsOfMethods[M]>;
}[keyof OptionsOfMethods];
