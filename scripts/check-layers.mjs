#!/usr/bin/env node
// Fails on an import that goes against the direction of the rooms, on a room that is not listed, on a circle of files,
// and on a heavy package that is loaded with its module: `node scripts/check-layers.mjs [folder of sources]`. Type
// imports count too.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** From the top down. A room may import what stands on a lower line; rooms on one line don't know each other. */
const LINES = [
  ['cli', 'studio'],
  ['report'],
  ['experiment'],
  ['doctor', 'synthesise', 'select', 'train', 'evaluate'],
  ['signals'],
  ['models', 'worker', 'teacher'],
  ['cost'],
  ['store'],
  ['dataset'],
  ['families', 'numeric'],
  ['base'],
];
/** The public API stands above all rooms. */
const TOP = 'index.ts';
/** Loaded inside the function that needs them, or every start pays for them. */
const HEAVY = /^(onnxruntime-node|sharp|@duckdb\/node-api|@huggingface\/.+)$/;
const SELF = 'winnow-vlm';

const lineOf = new Map(LINES.flatMap((rooms, line) => rooms.map((room) => [room, line])));

function checkLayers(src) {
  const faults = [];
  const files = fs
    .readdirSync(src, { recursive: true })
    .map((name) => name.split(path.sep).join('/'))
    .filter((name) => /\.[cm]?tsx?$/.test(name) && !name.endsWith('.d.ts') && !/\.test\.tsx?$/.test(name))
    .sort();
  const edges = new Map();
  for (const file of files) {
    const room = roomOf(file);
    if (file !== TOP && !lineOf.has(room))
      faults.push(`${file}: room \`${room}\` is not listed in scripts/check-layers.mjs`);
    const targets = [];
    for (const found of importsOf(fs.readFileSync(path.join(src, file), 'utf8'))) {
      const fault = judge(file, room, found, targets);
      if (fault !== undefined) faults.push(`${file}:${found.line}: ${fault}`);
    }
    edges.set(file, targets);
  }
  for (const circle of findCircles(edges)) faults.push(`circle: ${circle.join(' -> ')}`);
  return { files: files.length, faults };
}

/** What is wrong with one import, if anything. Files of the sources are added to `targets`. */
function judge(file, room, found, targets) {
  const { specifier } = found;
  if (specifier === undefined) return 'a computed import() can not be checked: name the module';
  if (specifier === SELF || specifier.startsWith(`${SELF}/`)) return `imports the package itself (${specifier})`;
  if (!specifier.startsWith('.')) {
    return found.eager && HEAVY.test(specifier)
      ? `\`${specifier}\` is loaded at module top: use await import()`
      : undefined;
  }
  const target = path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier));
  if (target.startsWith('../')) return `reaches out of the sources: ${specifier}`;
  targets.push(target);
  const to = roomOf(target);
  if (target === TOP) return `imports the public API (${specifier}), which stands above all rooms`;
  if (file === TOP || to === room) return undefined;
  if (!lineOf.has(to)) return undefined; // said once, at the file itself
  return lineOf.get(to) > lineOf.get(room) ? undefined : `\`${room}\` may not import \`${to}\` (${specifier})`;
}

/** First folder of a file; a file beside the rooms is a room of its own (`conformance.ts`). */
function roomOf(file) {
  return file.includes('/') ? file.slice(0, file.indexOf('/')) : file.replace(/\.tsx?$/, '');
}

/**
 * Every module a file names: `import`, `export ... from`, `import()` and types (`import('x').T`). `eager`: loaded with
 * the module. Relies on the formatter: a declaration begins its line.
 */
function importsOf(source) {
  const code = withoutComments(source);
  const found = [];
  const add = (index, specifier, eager) =>
    found.push({ line: code.slice(0, index).split('\n').length, specifier, eager });
  for (const match of code.matchAll(/^[ \t]*import\s*(['"])([^'"\n]+)\1/gm)) add(match.index, match[2], true);
  for (const match of code.matchAll(
    /^[ \t]*(?:import|export)\s+(type\s+)?([\w$\s{},*]+?)\s*from\s*(['"])([^'"\n]+)\3/gm,
  )) {
    add(match.index, match[4], match[1] === undefined);
  }
  for (const match of code.matchAll(/\bimport\s*\(\s*(?:(['"`])([^'"`$\n]+)\1\s*[,)])?/g))
    add(match.index, match[2], false);
  return found;
}

/** Comments become blanks, line for line; strings stay, so that `//` inside one is no comment. */
function withoutComments(source) {
  const token = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`/g;
  return source.replace(token, (text) => (/^\/[/*]/.test(text) ? text.replace(/[^\n]/g, ' ') : text));
}

/** One circle for each file where a depth-first walk comes back to its own path. */
function findCircles(edges) {
  const circles = [];
  const state = new Map();
  const trail = [];
  const visit = (file) => {
    state.set(file, 'open');
    trail.push(file);
    for (const next of edges.get(file) ?? []) {
      if (state.get(next) === 'open') circles.push([...trail.slice(trail.indexOf(next)), next]);
      else if (state.get(next) === undefined && edges.has(next)) visit(next);
    }
    trail.pop();
    state.set(file, 'closed');
  };
  for (const file of edges.keys()) if (state.get(file) === undefined) visit(file);
  return circles;
}

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const { files, faults } = checkLayers(path.resolve(process.argv[2] ?? path.join(root, 'src')));
for (const fault of faults) process.stdout.write(`${fault}\n`);
process.stdout.write(`${files} files, ${faults.length} faults\n`);
process.exitCode = faults.length === 0 && files > 0 ? 0 : 1;
