import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReportInput } from '../src/report/data.ts';
import { buildReport } from '../src/report/report.ts';
import { findings, installed, launch, type Opened, openPage, type Scheme } from './browser.ts';
import { exampleReport } from './example-report.ts';

/** Reports that lack what most have. */
async function oddReports(): Promise<Record<string, ReportInput>> {
  const whole = await exampleReport({ samples: 60, thumbnails: 4 });
  const { selections, random, faults, auc, gallery, run, clusters, ...unselected } = whole;
  const word = 'Donaudampfschifffahrtsgesellschaft'.repeat(8);
  const broken = whole.samples.id.map(() => word);
  const nothing = {
    name: 'n',
    method: 'visnec',
    options: {},
    seed: 1,
    requested: 9,
    kept: [],
    shortfall: { missing: 9, because: word },
  };
  return {
    photos: { title: 'Photos', samples: { id: ['a.jpg', 'b.jpg'], x: [0, 1], y: [1, 0] } },
    one: { title: 'One', samples: { id: ['only'], necessity: [0.3], blind: [0.5], multimodal: [0.2] } },
    unscorable: {
      title: 'Nothing scored',
      samples: { id: ['a', 'b'], necessity: [null, null], blind: [null, 1], multimodal: [null, null] },
    },
    unselected,
    empty: { ...unselected, selections: [nothing] },
    long: {
      ...whole,
      title: word,
      samples: {
        ...whole.samples,
        id: broken.map((w, i) => w + i),
        question: broken,
        answer: broken,
        source: broken.map((w, i) => w + (i % 3)),
      },
      selections: whole.selections!.map((selection) => ({
        ...selection,
        name: word + selection.name,
        title: word + selection.name,
      })),
      faults: whole.faults!.map((fault) => ({ ...fault, title: word, about: word })),
      gallery: {
        groups: whole.gallery!.groups,
        samples: whole.gallery!.samples.map((sample) => ({
          ...sample,
          question: word,
          tokens: { text: [word, 'x'], multimodal: [1, 0], blind: [2, 0] },
          neighbours: [{ id: word, similarity: 0.5 }],
        })),
      },
      quarantined: [{ id: word, code: word, reason: word }],
      clusters: whole.clusters!.map((cluster) => ({ ...cluster, terms: [word, word] })),
      run: {
        commands: [{ title: word, command: word }],
        lineage: [{ what: word, hash: word }],
        machine: { cpu: word },
        steps: [{ name: word, seconds: 0 }],
        models: [{ role: word, name: word, revision: word }],
      },
    },
  };
}

describe.skipIf(!installed)('the report in a browser', () => {
  const folder = mkdtempSync(join(tmpdir(), 'winnow-report-'));
  const file = join(folder, 'report.html');
  let browser: Browser;

  beforeAll(async () => {
    execFileSync(process.execPath, [fileURLToPath(new URL('../scripts/build-report.mjs', import.meta.url))]);
    const hostile = '</script><script>window.broken=true</script><img src=x onerror="window.broken=true">';
    writeFileSync(file, await buildReport(await exampleReport({ samples: 700, thumbnails: 24, hostile })));
    browser = await launch();
  });

  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const open = (path: string, width: number, scheme: Scheme, use: (opened: Opened) => Promise<void>): Promise<void> =>
    openPage(browser, path, width, scheme, use);

  for (const [scheme, width] of [
    ['light', 1280],
    ['dark', 1280],
    ['light', 360],
    ['dark', 360],
  ] as const) {
    it(`has no error, no serious finding and no sideways scroll (${scheme}, ${width} px)`, async () => {
      await open(file, width, scheme, async ({ page }) => {
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
        expect(await findings(page)).toEqual([]);
        expect(await page.evaluate(`'broken' in window`)).toBe(false);
      });
    });
  }

  it('holds on odd data: little, one-sided, empty, or without a place to break a line', async () => {
    const odd = await oddReports();
    for (const [name, input] of Object.entries(odd)) {
      const path = join(folder, `${name}.html`);
      writeFileSync(path, await buildReport(input));
      await open(path, 360, 'light', async ({ page }) => {
        expect(await page.evaluate('document.documentElement.scrollWidth'), name).toBeLessThanOrEqual(360);
        expect(await findings(page), name).toEqual([]);
        const text = (await page.locator('body').textContent()) ?? '';
        expect(text.slice(text.lastIndexOf('</script>')), name).not.toMatch(/NaN|undefined|Infinity/);
      });
    }
  });

  it('reaches every control by Tab, each with a visible focus', async () => {
    await open(file, 1280, 'light', async ({ page }) => {
      const wanted = await page.evaluate<number>(`(() => {
        const all = [...document.querySelectorAll('a[href], button, input, select, summary, [tabindex="0"]')];
        const visible = all.filter((element) => element.checkVisibility());
        visible.forEach((element, i) => { element.dataset.stop = String(i); });
        return visible.length;
      })()`);
      expect(wanted).toBeGreaterThan(60);
      const reached = new Set<string>();
      const unseen: string[] = [];
      for (let press = 0; press < wanted + 5; press++) {
        await page.keyboard.press('Tab');
        const at = await page.evaluate<{ stop: string; ring: boolean; html: string }>(`(() => {
          const element = document.activeElement;
          const style = getComputedStyle(element.closest('.toggle') ?? element);
          return {
            stop: element.dataset.stop ?? '',
            ring: style.outlineStyle !== 'none' && style.outlineWidth !== '0px',
            html: element.outerHTML.slice(0, 120),
          };
        })()`);
        if (at.stop === '') continue;
        reached.add(at.stop);
        if (!at.ring) unseen.push(at.html);
      }
      expect(reached.size).toBe(wanted);
      expect(unseen).toEqual([]);
    });
  });

  it('finds a sample by its id and tells why', async () => {
    await open(file, 1280, 'light', async ({ page }) => {
      await page.getByLabel('Search samples').fill('shape-00101');
      await expect.poll(() => page.locator('#all tbody tr').count()).toBe(1);
      expect(await page.locator('#all tbody tr').textContent()).toMatch(/Kept|Dropped/);
      await page.locator('#all tbody button').click();
      expect(await page.getByRole('complementary', { name: 'Chosen sample' }).textContent()).toContain('shape-00101');
      await page.keyboard.press('Escape');
      expect(await page.locator('.side-panel').isVisible()).toBe(false);
      expect(await page.evaluate('document.activeElement.textContent')).toBe('shape-00101');
    });
  });

  it('opens the picture of a point, a row and a search hit, inside of the page or beside it', async () => {
    const data = await exampleReport({ samples: 60, thumbnails: 4 });
    const [row, gone] = [7, 8];
    mkdirSync(join(folder, 'pictures'), { recursive: true });
    const pixel = data.pictures!.list[0]!.embedded!.split(',')[1]!;
    writeFileSync(join(folder, 'pictures', 'a b#1.png'), Buffer.from(pixel, 'base64'));
    data.pictures!.of[row] = [data.pictures!.list.push({ link: './pictures/a%20b%231.png' }) - 1];
    data.pictures!.of[gone] = [data.pictures!.list.push({ link: './pictures/gone.png' }) - 1];
    // All questions alike: one place on the map.
    data.samples.x = data.samples.id.map(() => 1);
    data.samples.y = data.samples.id.map(() => 1);
    const path = join(folder, 'pictures.html');
    writeFileSync(path, await buildReport(data));
    const missing: string[] = [];
    await openPage(browser, path, 1280, 'light', async ({ page, problems }) => {
      const panel = page.locator('.side-panel');
      const width = (): Promise<number> =>
        page.evaluate(`document.querySelector('.side-panel img')?.naturalWidth ?? 0`);
      await page.getByLabel('Search samples').fill(data.samples.id[row]!);
      await expect.poll(() => page.locator('#all tbody tr').count()).toBe(1);
      await page.locator('#all tbody tr td').nth(1).click();
      await expect.poll(width).toBeGreaterThan(0);
      expect(await panel.innerText()).toMatch(/loss without image/);
      expect(await panel.innerText()).toMatch(/Kept|Dropped/);
      await page.getByLabel('Search samples').fill(data.samples.id[gone]!);
      await expect.poll(() => page.locator('#all tbody tr').textContent()).toContain(data.samples.id[gone]!);
      await page.locator('#all tbody tr td').nth(1).click();
      await expect.poll(() => panel.innerText()).toContain('There is no picture at ./pictures/gone.png');
      // Points that share a place are told apart under the pointer.
      await page.getByLabel('Search samples').fill('');
      const canvas = page.locator('#map canvas');
      await canvas.scrollIntoViewIfNeeded();
      const box = (await canvas.boundingBox())!;
      const seen = new Set<string>();
      for (let step = 0; step < 40; step++) {
        await page.mouse.move(box.x + 30 + step, box.y + box.height - 30);
        const text = await page.locator('.tip').textContent();
        if (text !== null) seen.add(text);
      }
      expect(seen.size).toBeGreaterThan(3);
      missing.push(...problems.splice(0));
    });
    expect(missing.filter((text) => !text.includes('ERR_FILE_NOT_FOUND'))).toEqual([]);
  });

  it('links the histogram, the map and the table', async () => {
    await open(file, 1280, 'light', async ({ page }) => {
      const status = page.locator('#all [role="status"]');
      expect(await status.textContent()).toContain('700 of 700');
      await page.locator('#distribution .chart').first().focus();
      await page.keyboard.press('Home');
      await page.keyboard.press('Enter');
      expect(await status.textContent()).not.toContain('700 of 700');
      await page.getByRole('button', { name: /Showing only S below/ }).click();
      expect(await status.textContent()).toContain('700 of 700');
      await page.getByLabel('Dropped', { exact: true }).uncheck();
      expect(await status.textContent()).toMatch(/^(9\d|10\d) of 700/);
    });
  });

  it('walks the map by keyboard and opens a sample', async () => {
    await open(file, 1280, 'light', async ({ page }) => {
      await page.locator('#map canvas').focus();
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('ArrowUp');
      await page.keyboard.press('Enter');
      expect(await page.locator('.side-panel').isVisible()).toBe(true);
    });
  });

  it('switches the theme and draws again', async () => {
    await open(file, 1280, 'light', async ({ page }) => {
      const ground = (): Promise<string> => page.evaluate('getComputedStyle(document.body).backgroundColor');
      const before = await ground();
      await page.getByRole('button', { name: 'Switch to dark colours' }).click();
      expect(await ground()).not.toBe(before);
      expect(await findings(page)).toEqual([]);
    });
  });
});
