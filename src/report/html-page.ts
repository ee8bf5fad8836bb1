import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { WinnowError } from '../base/errors.ts';

export interface HtmlPage {
  /** Of the window. */
  title: string;
  /** Heading where scripts are switched off. */
  heading: string;
  description: string;
  /** What is shown where scripts are switched off. */
  text: string;
  /** What the script reads from the element `report-data`. */
  data: unknown;
  /** Bundled script. */
  script: 'client.js' | 'arena.js';
}

/**
 * One HTML document that needs nothing but itself, opens from disk, and runs no script but its own (a content security
 * policy with the script's hash says so).
 *
 * @throws WinnowError REPORT_ASSETS when the page's script hasn't been bundled
 */
export async function htmlPage({ title, heading, description, text, data, script: name }: HtmlPage): Promise<string> {
  const [script, style] = await Promise.all([asset(name), asset('style.css')]);
  const hash = createHash('sha256').update(script).digest('base64');
  const policy = `default-src 'none'; img-src data: file: 'self'; style-src 'unsafe-inline'; script-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="${escapeHtml(description)}">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<noscript><main><h1>${escapeHtml(heading)}</h1><pre>${escapeHtml(text)}</pre><p>The charts need JavaScript, which is part of this file.</p></main></noscript>
<script type="application/json" id="report-data">${jsonForScript(data)}</script>
<script>${script}</script>
</body>
</html>
`;
}

/** Bundled files lie beside this module once built, and in dist/report/ when the sources run. */
async function asset(name: string): Promise<string> {
  for (const place of [`./${name}`, `../../dist/report/${name}`]) {
    try {
      return await readFile(new URL(place, import.meta.url), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  throw new WinnowError({
    code: 'REPORT_ASSETS',
    message: `The report's ${name} has not been bundled.`,
    hint: 'Run: node scripts/build-report.mjs',
  });
}

/** JSON that can't end or reopen a script element, whatever the texts contain. */
function jsonForScript(value: unknown): string {
  return JSON.stringify(value)
    .replaceAll('<', '\\u003c')
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029');
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
