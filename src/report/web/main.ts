import { browse } from '../sections/browse/draw.ts';
import { composition } from '../sections/composition/draw.ts';
import { distribution } from '../sections/distribution/draw.ts';
import { doctor } from '../sections/doctor/draw.ts';
import { faults } from '../sections/faults/draw.ts';
import { pageHead } from '../sections/header/draw.ts';
import { clusterMap } from '../sections/map/draw.ts';
import { again, definitions, run } from '../sections/run/draw.ts';
import { gallery, quarantine } from '../sections/samples/draw.ts';
import { selections } from '../sections/selections/draw.ts';
import { dock } from '../sections/side-panel/draw.ts';
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
  ['Find one', browse()],
  ['Selections', selections()],
  ['Cost', run()],
  ['Again', again()],
  ['Words', definitions()],
];
const { elements, nav } = sectionsAndNav(sections);
append(document.body, [
  h('a', { class: 'skip', href: '#content' }, 'Skip to the report'),
  pageHead(),
  nav,
  h('main', { id: 'content', tabindex: -1 }, elements),
  footer(),
  dock(),
]);
