#!/usr/bin/env node
// Fails on a comment wider than 120 columns that could be broken; `--fix` breaks it, and lets the rest flow on.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const WIDTH = 120;
/** Lines of a comment that begin something of their own, so that nothing flows into them. */
const STANDS_ALONE = /^$|^@|^[-*] |^\d+\. |^```|^\||^ {2,}|^biome-ignore|^#!/;
const fix = process.argv.includes('--fix');

/** Tracked and new sources; worker and tools are ruff's. */
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: ROOT })
  .toString()
  .split('\n')
  .filter((name) => /(^|\/)[^/]+\.(ts|mjs|js|css)$|^winnow$/.test(name) && !name.includes('/goldens/'))
  .filter((name) => fs.existsSync(path.join(ROOT, name)));

let wide = 0;
for (const name of files) {
  const before = fs.readFileSync(path.join(ROOT, name), 'utf8').split('\n');
  const after = wrapped(before);
  if (after.join('\n') === before.join('\n')) continue;
  if (fix) {
    fs.writeFileSync(path.join(ROOT, name), after.join('\n'));
    continue;
  }
  wide += 1;
  const first = before.findIndex((line, index) => line !== after[index]);
  process.stdout.write(`${name}:${first + 1}: a comment is wider than ${WIDTH} columns\n`);
}
if (wide > 0) {
  process.stdout.write(`Break them with: node scripts/check-comments.mjs --fix\n`);
  process.exitCode = 1;
}

/** The lines of a file with its comments broken; lines of code are returned as they are. */
function wrapped(lines) {
  const out = [];
  for (let at = 0; at < lines.length; ) {
    const end = commentEnd(lines, at);
    const block = lines.slice(at, end);
    out.push(...(block.some((line) => line.length > WIDTH) ? wrapComment(block) : block));
    at = end;
  }
  return out;
}

/** One past the last line of the comment that begins at a line; one line where none begins. */
function commentEnd(lines, start) {
  let end = start + 1;
  if (/^\s*\/\/ /.test(lines[start])) {
    while (end < lines.length && /^\s*\/\/ /.test(lines[end])) end += 1;
  } else if (/^\s*\/\*/.test(lines[start])) {
    end = lines.findIndex((line, index) => index >= start && line.includes('*/')) + 1;
  }
  return Math.max(end, start + 1);
}

function wrapComment(block) {
  const indent = block[0].match(/^\s*/)[0];
  if (/^\s*\/\/ /.test(block[0])) {
    const prefix = `${indent}// `;
    return flow(
      block.map((line) => line.trim().slice(3)),
      WIDTH - prefix.length,
    ).map(put(prefix));
  }
  const open = block[0].trim().match(/^\/\*+/)?.[0];
  // Code that is followed or preceded by a comment on its line is the formatter's.
  if (open === undefined || !block.at(-1).trimEnd().endsWith('*/')) return block;
  const text = block.join('\n').trim().slice(open.length, -2).split('\n');
  const lines = text.map((line, index) => (index === 0 ? line.trim() : line.replace(/^\s*\* ?/, '').trimEnd()));
  if (lines[0] === '') lines.shift();
  if (lines.at(-1) === '') lines.pop();
  const prefix = `${indent} * `;
  return [`${indent}${open}`, ...flow(lines, WIDTH - prefix.length).map(put(prefix)), `${indent} */`];
}

function put(prefix) {
  return (line) => `${prefix}${line}`.trimEnd();
}

/**
 * Breaks lines that are too long; the rest of one flows into the next, unless that begins a paragraph, an item or a
 * tag.
 */
function flow(lines, width) {
  const out = [];
  const queue = [...lines];
  let fenced = false;
  while (queue.length > 0) {
    const line = queue.shift();
    if (line.startsWith('```')) fenced = !fenced;
    const at = fenced || line.startsWith('biome-ignore') || line.startsWith('|') ? -1 : breakAt(line, width);
    if (at < 0) {
      out.push(line);
      continue;
    }
    out.push(line.slice(0, at).trimEnd());
    const hanging = ' '.repeat(line.match(/^(\s*(?:[-*] |\d+\. )?)/)[0].length);
    const rest = hanging + line.slice(at).trimStart();
    const next = queue[0];
    const joins =
      next !== undefined && (hanging === '' ? !STANDS_ALONE.test(next) : new RegExp(`^${hanging}\\S`).test(next));
    if (joins) queue[0] = `${rest} ${next.trimStart()}`;
    else queue.unshift(rest);
  }
  return out;
}

/**
 * Where to break a line: its last space that fits and doesn't stand inside of a piece of code; -1 where it fits or
 * can't be broken.
 */
function breakAt(line, width) {
  if (line.length <= width) return -1;
  const start = line.match(/^(\s*(?:[-*] |\d+\. )?)/)[0].length;
  const spaces = [...line.matchAll(/ /g)].map((match) => match.index).filter((index) => index > start);
  const fitting = spaces.filter((index) => index <= width);
  const outside = fitting.filter((index) => line.slice(0, index).split('`').length % 2 === 1 && index > width / 2);
  return outside.at(-1) ?? fitting.at(-1) ?? -1;
}
