import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { expect } from 'vitest';

const CHROMIUM = '/usr/bin/chromium';
export const installed = existsSync(CHROMIUM);
if (!installed) console.warn(`Pages are not opened in a browser: ${CHROMIUM} is not installed.`);

export type Scheme = 'light' | 'dark';

// What runs in the page is passed as text: the types of this project are those of Node, without a document.
export interface Opened {
  page: Page;
  problems: string[];
}

export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-dev-shm-usage'],
  });
}

/** Opens a file and fails on any error, warning or request of the page. */
export async function openPage(
  browser: Browser,
  path: string,
  width: number,
  colorScheme: Scheme,
  use: (opened: Opened) => Promise<void>,
): Promise<void> {
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
  const problems: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('request', (request) => {
    if (!request.url().startsWith('file:') && !request.url().startsWith('data:'))
      problems.push(`asked for ${request.url()}`);
  });
  try {
    await page.goto(pathToFileURL(path).href);
    await page.waitForTimeout(300);
    await use({ page, problems });
    expect(problems).toEqual([]);
  } finally {
    await page.close();
  }
}

/** Findings of axe-core that are serious or critical, as text. */
export async function findings(page: Page): Promise<string[]> {
  // The page's own policy forbids foreign scripts, so the checker is brought in through the debugger.
  const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  await page.evaluate(source);
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: {
        run: () => Promise<{
          violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[];
        }>;
      };
    };
    const { violations } = await axe.run();
    return violations
      .filter((v) => v.impact === 'serious' || v.impact === 'critical')
      .flatMap((v) =>
        v.nodes.map((node) => `${v.id}: ${node.html.slice(0, 160)} ${node.failureSummary.slice(0, 200)}`),
      );
  });
}
