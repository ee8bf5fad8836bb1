import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { exampleReport } from '../../test/example-report.ts';
import { MAX_SHOWN, shownRows } from './compact.ts';
import type { PageData } from './page.ts';
import { buildReport } from './report.ts';

beforeAll(() => {
  execFileSync(process.execPath, [fileURLToPath(new URL('../../scripts/build-report.mjs', import.meta.url))]);
});

function embedded(html: string): PageData {
  const start = html.indexOf('id="report-data">') + 'id="report-data">'.length;
  return JSON.parse(html.slice(start, html.indexOf('</script>', start))) as PageData;
}

describe('buildReport', () => {
  it('stays small: 2,000 samples with 60 thumbnails under 2 MB', async () => {
    const html = await buildReport(await exampleReport());
    expect(Buffer.byteLength(html)).toBeLessThan(2_000_000);
    expect(embedded(html).pictures!.list.length).toBeGreaterThan(50);
  });

  it('stays under 5 MB for 10,000 samples, even with long texts of three bytes a letter', async () => {
    const data = await exampleReport({ samples: 10_000, thumbnails: 60 });
    const plain = Buffer.byteLength(await buildReport(data));
    const long = '図'.repeat(400);
    data.samples.question = data.samples.id.map(() => long);
    data.samples.answer = data.samples.id.map(() => long);
    const html = await buildReport(data);
    expect(plain).toBeLessThan(5_000_000);
    expect(Buffer.byteLength(html)).toBeLessThan(5_000_000);
    expect(embedded(html).textLimit).toBeLessThan(160);
  });

  it('cannot be broken by markup in texts, ids, labels or titles', async () => {
    const evil = '</script><script>alert(1)</script><!--<img src=x onerror=alert(2)>"\'&\u2028';
    const data = await exampleReport({ samples: 60, thumbnails: 4, hostile: evil });
    data.title = evil;
    data.samples.id[0] = evil;
    data.samples.source![0] = evil;
    const html = await buildReport(data);
    expect(html.match(/<script/g)).toHaveLength(2);
    expect(html.match(/<\/script>/g)).toHaveLength(2);
    expect(html).not.toContain('<img');
    expect(html).not.toContain('alert(1)</');
    expect(embedded(html).samples.id[0]).toBe(evil);
    expect(embedded(html).summary.title).toBe(evil);
  });

  it('asks no network for anything', async () => {
    const html = await buildReport(await exampleReport({ samples: 60, thumbnails: 4 }));
    expect(html).toContain("default-src 'none'");
    const names = /https?:\/\/[^\s"'`)<]+/g;
    // Names of XML namespaces are the only addresses allowed.
    const addresses = [...new Set(html.match(names) ?? [])].filter((url) => !url.startsWith('http://www.w3.org/'));
    expect(addresses).toEqual([]);
  });

  it('gives the same bytes for the same data', async () => {
    const data = await exampleReport({ samples: 80, thumbnails: 4 });
    expect(await buildReport(data)).toBe(await buildReport(data));
  });

  it('needs only a title and ids', async () => {
    const html = await buildReport({ title: 'Photos', samples: { id: ['a.jpg', 'b.jpg'] } });
    expect(html).toContain('2 samples were looked at');
  });

  it('shows an even sample above 20,000 rows, with every row of the gallery', async () => {
    const rows = shownRows(50_001, [50_000]);
    expect(rows.length).toBeLessThanOrEqual(MAX_SHOWN);
    expect(rows.length).toBeGreaterThan(MAX_SHOWN * 0.99);
    expect(rows).toContain(50_000);
    expect(rows).toEqual([...new Set(rows)].sort((a, b) => a - b));
  });

  it('says which column has the wrong length', async () => {
    await expect(buildReport({ title: 'x', samples: { id: ['a'], necessity: [1, 2] } })).rejects.toMatchObject({
      code: 'REPORT_DATA',
      message: 'Column necessity has 2 entries where there are 1 samples.',
    });
  });

  it('refuses a picture from anywhere but the page and its disk', async () => {
    for (const picture of [
      { embedded: 'https://example.org/x.png' },
      { link: 'https://example.org/x.png' },
      { link: '//example.org/x.png' },
      { link: 'javascript:alert(1)' },
    ]) {
      const pictures = { list: [picture], of: { 0: [0] } };
      await expect(buildReport({ title: 'x', samples: { id: ['a'] }, pictures })).rejects.toMatchObject({
        code: 'REPORT_DATA',
      });
    }
  });
});
