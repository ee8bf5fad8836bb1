import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { WinnowError } from '../dataset/errors.ts';
import { compact } from './compact.ts';
import type { ReportInput } from './data.ts';
import { ReportData } from './data.ts';
import { finding } from './finding.ts';
import { summaryText } from './terminal.ts';

/**
 * Builds the report: one HTML document that needs nothing but itself, opens from disk, and runs no script but its own
 * (a content security policy with the script's hash says so).
 *
 * @param input what to show; parts that lack their data are left out
 * @returns the HTML text, UTF-8; under 5 MB for 10,000 samples with 60 thumbnails of 8 kB
 * @throws WinnowError REPORT_DATA when the data don't fit the schema or columns differ in length;
 *   REPORT_ASSETS when the page's script hasn't been bundled
 */
export async function buildReport(input: ReportInput): Promise<string> {
  const data = parseReport(input);
  const page = compact(data);
  const [script, style] = await Promise.all([asset('client.js'), asset('style.css')]);
  const hash = createHash('sha256').update(script).digest('base64');
  const policy = `default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="${escapeHtml(finding(page.summary))}">
<title>${escapeHtml(data.title)} · Winnow report</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<noscript><main><h1>${escapeHtml(data.title)}</h1><pre>${escapeHtml(summaryText(data, { colour: false, width: 100 }))}</pre><p>The charts need JavaScript, which is part of this file.</p></main></noscript>
<script type="application/json" id="report-data">${jsonForScript(page)}</script>
<script>${script}</script>
</body>
</html>
`;
}

/** Checks the data and fills in defaults. */
export function parseReport(input: ReportInput): ReportData {
  const result = ReportData.safeParse(input);
  if (!result.success) {
    throw new WinnowError({
      code: 'REPORT_DATA',
      message: `The report's data don't fit: ${z.prettifyError(result.error)}`,
      hint: 'Build the data with the fields that src/report/data.ts describes.',
    });
  }
  const { samples } = result.data;
  for (const [name, column] of Object.entries(samples)) {
    if (column !== undefined && column.length !== samples.id.length) {
      throw new WinnowError({
        code: 'REPORT_DATA',
        message: `Column ${name} has ${column.length} entries where there are ${samples.id.length} samples.`,
        hint: 'Give every column one entry per row.',
      });
    }
  }
  return result.data;
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
