import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '..');

/** One fenced block of a document. */
export interface Fence {
  /** 1-based line of its opening fence. */
  line: number;
  language: string;
  /** Why it is not run, from `sh no-run: reason`. */
  noRun?: string;
  /** Name under which the block is written into the document's folder, from `yaml file=winnow.yaml`. */
  file?: string;
  code: string;
}

/** A link or an image that points into the repository. */
export interface Link {
  line: number;
  target: string;
}

/** Fenced blocks in order. Throws on one that is not closed. */
export function fencesOf(text: string): Fence[] {
  const fences: Fence[] = [];
  let open: { fence: Fence; marker: string; indent: number; lines: string[] } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    if (open !== undefined) {
      if (line.trim() === open.marker) {
        fences.push({ ...open.fence, code: open.lines.join('\n') });
        open = undefined;
      } else open.lines.push(line.slice(Math.min(open.indent, line.length - line.trimStart().length)));
      continue;
    }
    const begun = /^( *)(`{3,}|~{3,}) *([^\s`]*) *([^`]*)$/.exec(line);
    if (begun === null) continue;
    const [, indent = '', marker = '', language = '', info = ''] = begun;
    open = {
      fence: { line: index + 1, language, code: '', ...wordsOf(info) },
      marker,
      indent: indent.length,
      lines: [],
    };
  }
  if (open !== undefined) throw new Error(`the fence of line ${open.fence.line} is not closed`);
  return fences;
}

function wordsOf(info: string): { noRun?: string; file?: string } {
  const noRun = /\bno-run\b:? *(.*)$/.exec(info)?.[1]?.trim();
  const file = /\bfile=(\S+)/.exec(info)?.[1];
  return { noRun, file };
}

/** Hidden commands that make what the document takes for granted: `<!-- setup: cp -r examples/shapes data -->`. */
export function setupOf(text: string): string[] {
  return [...text.matchAll(/<!-- *setup: *([\s\S]*?) *-->/g)].map((match) => match[1] ?? '');
}

/** Relative links and images outside of code. */
export function linksOf(text: string): Link[] {
  const lines = withoutCode(text).split('\n');
  return lines.flatMap((line, index) => {
    const inline = [...line.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g)].map((match) => match[1] ?? '');
    const defined = [...line.matchAll(/^ *\[[^\]]+\]: *(\S+)/g)].map((match) => match[1] ?? '');
    const html = [...line.matchAll(/\b(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '');
    return [...inline, ...defined, ...html]
      .filter((target) => !/^[a-z][a-z0-9+.-]*:/i.test(target))
      .map((target) => ({ line: index + 1, target }));
  });
}

/** Anchors of the headings, as GitHub makes them. */
export function anchorsOf(text: string): Set<string> {
  const seen = new Map<string, number>();
  const anchors = new Set<string>();
  for (const match of withoutCode(text, false).matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    const slug = (match[1] ?? '')
      .toLowerCase()
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .trim()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-');
    const times = seen.get(slug) ?? 0;
    seen.set(slug, times + 1);
    anchors.add(times === 0 ? slug : `${slug}-${times}`);
  }
  return anchors;
}

/** Fenced blocks blanked line for line; spans of code too unless asked not to. */
function withoutCode(text: string, spans = true): string {
  const blanked = text.replace(/^( *)(`{3,}|~{3,})[^\n]*\n[\s\S]*?^ *\2 *$/gm, (block) => block.replace(/[^\n]/g, ''));
  return spans ? blanked.replace(/`[^`\n]*`/g, '') : blanked;
}

/** Documents of the repository, by their path in it. */
export function documents(): string[] {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'];
  const { stdout } = spawnSync('git', args, { cwd: ROOT, encoding: 'utf8' });
  return stdout
    .trim()
    .split('\n')
    .filter((name) => fs.existsSync(path.join(ROOT, name)));
}

/** Text of one of them. */
export function readDocument(name: string): string {
  return fs.readFileSync(path.join(ROOT, name), 'utf8');
}

/**
 * Documents whose blocks are executed. Those that take long are run by `npm run test:long`, all others by `npm test`.
 */
export function executed(which: 'short' | 'long'): string[] {
  return documents()
    .filter((name) => /^(README|ARCHITECTURE|CONTRIBUTING)\.md$|^docs\/[^/]+\.md$/.test(name))
    .filter((name) => LONG.has(name) === (which === 'long'));
}

/** More than 20 s on an idle machine: they train, or compare many methods. */
const LONG = new Set(['docs/api.md', 'docs/arena.md', 'docs/commands.md', 'docs/training.md']);
