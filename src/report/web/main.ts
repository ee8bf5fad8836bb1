import { browse } from './browse.ts';
import { composition } from './composition.ts';
import { distribution } from './distribution.ts';
import { dock } from './dock.ts';
import { doctor } from './doctor.ts';
import { append, h } from './dom.ts';
import { faults } from './faults.ts';
import { footer, type Section, sectionsAndNav } from './frame.ts';
import { gallery, quarantine } from './gallery.ts';
import { pageHead } from './head.ts';
import { clusterMap } from './map.ts';
import { again, definitions, run } from './run.ts';
import { selections } from './selections.ts';

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
