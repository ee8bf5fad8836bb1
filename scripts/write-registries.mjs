#!/usr/bin/env node
// Writes the registries: lists of what the files of a folder export, so that adding one costs its file alone. A member
// is told by its declared type (`export const loss: Signal<LossParams> = {`); its `name` and `order` are literals.
// `--check` writes nothing, and fails where one isn't current.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const MARK = '// Written by scripts/write-registries.mjs from the files of this folder. Do not edit.';

/** Registries by their file: what a member's type is called, and the text of the registry from its members. */
const REGISTRIES = {
  'src/signals/measured/registry.ts': {
    type: 'Signal',
    text: (members) =>
      listOf(members, {
        head: ["import type { Options } from '../../base/options.ts';", "import type { Signal } from '../signal.ts';"],
        doc: 'Every signal, in the order in which it is listed.',
        name: 'signals',
        type: 'Signal',
        tail: requests(members, 'signal', 'SignalRequest', 'Signal', 'winnow score <signal> --help'),
      }),
  },
  'src/select/methods/registry.ts': {
    type: 'Selector',
    text: (members) =>
      listOf(members, {
        head: [
          "import type { Options } from '../../base/options.ts';",
          "import type { Selector } from '../selector.ts';",
        ],
        doc: 'Every method, in the order in which it is listed.',
        name: 'methods',
        type: 'Selector',
        tail: requests(members, 'method', 'MethodRequest', 'Selector', 'winnow select <method> --help'),
      }),
  },
  'src/dataset/formats/registry.ts': {
    type: 'Format',
    text: (members) =>
      listOf(members, {
        head: ["import type { Format } from '../format.ts';"],
        doc: 'Every format. Detection asks all; where two are equally sure, the earlier one wins.',
        name: 'formats',
        type: 'Format',
      }),
  },
  'src/doctor/checks/registry.ts': {
    type: 'CheckGroup',
    text: (members) =>
      listOf(members, {
        head: ["import type { CheckGroup } from './check.ts';"],
        doc: 'Every group of checks, in the order in which they fix.',
        name: 'groups',
        type: 'CheckGroup',
      }),
  },
  'src/cli/commands/registry.ts': { type: 'VerbFacts', text: verbs },
};

/** The registries of a copy of the sources, by their path from its root. */
export function registries(root) {
  return Object.fromEntries(
    Object.entries(REGISTRIES).map(([file, { type, text }]) => {
      const folder = path.join(root, path.dirname(file));
      const members = fs
        .readdirSync(folder, { recursive: true })
        .map((name) => name.split(path.sep).join('/'))
        .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && name !== 'registry.ts')
        .flatMap((name) => membersOf(fs.readFileSync(path.join(folder, name), 'utf8'), name, type));
      const taken = new Map();
      for (const { name, file: other } of type === 'CheckGroup' ? [] : members) {
        if (taken.has(name)) throw new Error(`${folder}: ${taken.get(name)} and ${other} are both called ${name}.`);
        taken.set(name, other);
      }
      members.sort((a, b) => a.order - b.order || (a.name < b.name ? -1 : 1));
      return [file, text(members)];
    }),
  );
}

/** What a file exports of a type: what it is called in code, and its literals. */
function membersOf(source, file, type) {
  const found = source.matchAll(new RegExp(`^export const (\\w+): ${type}(?:<.*>)? = `, 'gm'));
  return [...found].map(({ 1: variable, index }) => {
    const text = source.slice(index).split(/\n[})]|;\n/, 1)[0];
    const literal = (key) => new RegExp(`[ {]${key}: ('(?:[^'\\\\]|\\\\.)*'|\\d+)`).exec(text)?.[1];
    const name = type === 'VerbFacts' ? `'${path.basename(file, '.ts')}'` : literal('name');
    if (name === undefined) throw new Error(`${file}: "${variable}" says no name as a literal.`);
    const order = Number(literal('order') ?? Number.POSITIVE_INFINITY);
    return { variable, file, name, order, group: literal('group'), summary: literal('summary') };
  });
}

function listOf(members, { head, doc, name, type, tail }) {
  const stem = ({ file }) => file.replace(/\.ts$/, '');
  const imports = [...members].sort((a, b) => (stem(a) < stem(b) ? -1 : 1));
  return [
    MARK,
    ...head,
    ...imports.map(({ variable, file }) => `import { ${variable} } from './${file}';`),
    '',
    `/** ${doc} */`,
    `export const ${name}: readonly ${type}[] = [`,
    ...members.map(({ variable }) => `  ${variable}${tail === undefined ? '' : ` as ${type}`},`),
    '];',
    ...(tail ?? []),
    '',
  ].join('\n');
}

/** The type of a request by name with the options of that member. */
function requests(members, key, name, type, help) {
  const rows = [...members].sort((a, b) => (a.name < b.name ? -1 : 1));
  return [
    '',
    `type OptionsOf<T> = T extends ${type}<infer O> ? Options<O> : never;`,
    '',
    `/** A ${key} with its own options; they are those of \`${help}\`. */`,
    `export type ${name} =`,
    ...rows.map((one, i) => {
      const end = i === rows.length - 1 ? ';' : '';
      return `  | ({ ${key}: ${one.name} } & OptionsOf<typeof ${one.variable}>)${end}`;
    }),
  ];
}

function verbs(members) {
  return [
    MARK,
    "import type { Verb } from '../program.ts';",
    '',
    '/** Every verb in the order of `--help`. Only the one that is asked for is loaded, so that a start stays cheap. */',
    'export const VERBS: readonly Verb[] = [',
    ...members.flatMap(({ file, name, group, summary }) => [
      '  {',
      `    name: ${name},`,
      `    group: ${group},`,
      `    summary: ${summary},`,
      `    load: async () => (await import('./${file}')).register,`,
      '  },',
    ]),
    '];',
    '',
  ].join('\n');
}

if (process.argv[1] !== undefined && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
  const check = process.argv.includes('--check');
  for (const [file, text] of Object.entries(registries(root))) {
    const target = path.join(root, file);
    if (fs.existsSync(target) && fs.readFileSync(target, 'utf8') === text) continue;
    if (check) {
      process.stderr.write(`${file} is not current: run "node scripts/write-registries.mjs".\n`);
      process.exitCode = 1;
    } else fs.writeFileSync(target, text);
  }
}
