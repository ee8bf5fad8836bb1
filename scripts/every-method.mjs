#!/usr/bin/env node
// Every method on one data set, from raw files to the arena: a proxy is trained, every signal measured, every method
// chooses at 5, 15 and 30 %.
//   node scripts/every-method.mjs FILE --images DIR --project DIR [--truth FILE] [--batch N]
// The target of methods that have one is 64 rows of the data set itself. Ratings that a teacher would give (mmSSR) are
// made from the kinds of questions and noted as such. Prints each command with its time; `times.json` in the project
// has the same.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    images: { type: 'string' },
    project: { type: 'string' },
    truth: { type: 'string' },
    batch: { type: 'string', default: '64' },
  },
});
const [file] = positionals;
if (file === undefined || values.project === undefined) {
  console.error('usage: node scripts/every-method.mjs FILE --images DIR --project DIR [--truth FILE] [--batch N]');
  process.exit(2);
}
const bin = path.resolve(import.meta.dirname, '..', 'bin', 'winnow.js');
const project = path.resolve(values.project);
fs.mkdirSync(project, { recursive: true });
const times = [];
/** Signals of the trained proxy; they share its passes. */
const WORKER = 'error-norm,hidden,visual,rds,coincide,scalselect,magic,datatailor,dics,cvs';

/** Runs a verb and returns what it answers; its time counts. */
function winnow(...words) {
  const began = performance.now();
  const ran = spawnSync(process.execPath, [bin, '-C', project, '--json', ...words], {
    encoding: 'utf8',
    maxBuffer: 1 << 30,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const seconds = (performance.now() - began) / 1000;
  times.push({ command: words.join(' '), seconds });
  console.log(`${seconds.toFixed(1).padStart(7)} s  winnow ${words.join(' ')}`);
  if (ran.status !== 0) {
    console.error(ran.stdout);
    process.exit(1);
  }
  return JSON.parse(ran.stdout);
}

/**
 * Ratings of 0 to 5 in each kind of question, and the kind as style: truth of the data, in the place of a tuned
 * scorer's opinion.
 */
function ratings() {
  const rows = winnow(
    'sql',
    'select id, coalesce(category, source) from samples where not quarantined',
    '--limit',
    '1000000',
  ).rows;
  const kinds = [...new Set(rows.map(([, source]) => String(source)))].sort();
  const lines = rows.map(([id, source], i) => {
    const capabilities = kinds.map((kind) => (kind === String(source) ? 3 + (i % 3) : 0));
    return `${JSON.stringify({ id, capabilities, styles: String(source) })}\n`;
  });
  const at = path.join(project, 'ratings.jsonl');
  fs.writeFileSync(at, lines.join(''));
  return at;
}

winnow(
  'import',
  path.resolve(file),
  '--name',
  'pool',
  ...(values.images ? ['--images', path.resolve(values.images)] : []),
);
winnow('select', 'random', '--budget', '64', '--seed', '7', '--name', 'target');
winnow('export', 'target', '--format', 'neutral', '--out', path.join(project, 'target'), '--images', 'link');
const written = fs.readdirSync(path.join(project, 'target')).find((name) => name.endsWith('.jsonl'));
winnow('import', path.join(project, 'target', written), '--name', 'target');

winnow(
  'train',
  '--recipe',
  'proxy',
  '--dataset',
  'pool',
  '--batch',
  values.batch,
  '--learning-rate',
  '5e-4',
  '--checkpoints',
  '7',
);

const checkpoints = JSON.parse(fs.readFileSync(path.join(project, '.winnow/runs/proxy/checkpoint-index.json'), 'utf8'));
const four = checkpoints
  .filter(({ k }) => k % 2 === 1)
  .map((one) => path.join(project, '.winnow/runs/proxy', one.path));
for (const dataset of ['pool', 'target']) {
  const on = ['--dataset', dataset];
  winnow('score', 'loss', ...on, '--direct', '--image-only');
  winnow('score', 'all', ...on, '--signals', 'attention,loss-trajectory', '--checkpoints', 'proxy');
  winnow('score', 'all', ...on, '--model', 'proxy', '--signals', WORKER);
  winnow('score', 'all', ...on, '--signals', 'text-embedding,image-embedding,clip-embedding,clip-score,image-stats');
  winnow('score', 'gradients', ...on, '--checkpoints', four.join(','), '--dims', '1024', '--projection', 'sketch');
  winnow('score', 'last-gradient', ...on, '--model', 'proxy');
}
winnow('score', 'all', '--dataset', 'pool', '--signals', 'self-filter,coido');
winnow(
  'signals',
  'import',
  ratings(),
  '--dataset',
  'pool',
  '--as',
  'ratings',
  '--note',
  'truth of the data, not a tuned scorer',
);

// No self-supervised encoder ships with the package: methods that want one take the image embedding of the micro CLIP.
const methods = 'all,typiclust:embedding=image,presel:embedding=image,datainf:layers=gradient_4';
for (const budget of ['5%', '15%', '30%']) {
  const out = path.join(project, `arena-${budget.replace('%', '')}.html`);
  const truth = values.truth === undefined ? [] : ['--truth', path.resolve(values.truth)];
  const arena = winnow(
    'arena',
    '--dataset',
    'pool',
    '--reference',
    'target',
    '--methods',
    methods,
    '--budget',
    budget,
    '--out',
    out,
    ...truth,
  );
  fs.writeFileSync(path.join(project, `arena-${budget.replace('%', '')}.json`), JSON.stringify(arena, null, 1));
}
const total = times.reduce((sum, { seconds }) => sum + seconds, 0);
fs.writeFileSync(path.join(project, 'times.json'), `${JSON.stringify({ total, times }, null, 1)}\n`);
console.log(`${(total / 60).toFixed(1)} minutes in all`);
