import { pictureSentence } from '../pictures/draw.ts';
import { browse } from '../sections/browse/draw.ts';
import { composition } from '../sections/composition/draw.ts';
import { distribution } from '../sections/distribution/draw.ts';
import { doctor } from '../sections/doctor/draw.ts';
import { faults } from '../sections/faults/draw.ts';
import { glossary } from '../sections/glossary/draw.ts';
import { pageHeader } from '../sections/header/draw.ts';
import { clusterMap } from '../sections/map/draw.ts';
import { quarantine } from '../sections/quarantine/draw.ts';
import { reproduce } from '../sections/reproduce/draw.ts';
import { run } from '../sections/run/draw.ts';
import { gallery } from '../sections/samples/draw.ts';
import { selections } from '../sections/selections/draw.ts';
import { sidePanel } from '../sections/side-panel/draw.ts';
import { append, h } from './dom.ts';
import { footer, type Section, sectionsAndNav } from './frame.ts';

const sections: Section[] = [
  ['Necessity', distribution()],
  ['Map', clusterMap()],
  ['Composition', composition()],
  ['Faults', faults()],
  ['Samples', gallery()],
  ['Doctor', doctor()],
  ['Set aside', quarantine()],
  ['Browse', browse()],
  ['Selections', selections()],
  ['Cost', run()],
  ['Reproduce', reproduce()],
  ['Glossary', glossary()],
];
const { elements, nav } = sectionsAndNav(sections);
append(document.body, [
  h('a', { class: 'skip', href: '#content' }, 'Skip to the report'),
  pageHeader(),
  nav,
  h('main', { id: 'content', tabindex: -1 }, elements),
  footer(pictureSentence()),
  sidePanel(),
]);
