import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exampleReport } from '../../test/example-report.ts';
import { finding, ownClusterFindings } from './headline.ts';
import { parseReport } from './report.ts';
import { summarise } from './summary.ts';
import { summaryText } from './terminal.ts';

const total = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

describe('summarise', () => {
  it('counts classes, with values on a threshold redundant and missing ones apart', () => {
    const necessity = [0.05, -0.05, 0.051, -0.051, 0, null];
    const summary = summarise(parseReport({ title: 't', samples: { id: ['a', 'b', 'c', 'd', 'e', 'f'], necessity } }));
    expect(summary.classes).toEqual({ critical: 1, redundant: 3, misaligned: 1 });
    expect(summary.scored).toBe(5);
    expect(finding(summary)).toBe(
      'Of 6 samples, 1 teach the model to look; 3 can be answered blind; 1 contradict their image; 1 could not be scored.',
    );
  });

  it('puts every scored sample into one bin, classes and fate as counted elsewhere', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -20, max: 20, noNaN: true }), { minLength: 1, maxLength: 200 }),
        fc.double({ min: -1, max: 0, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (necessity, misaligned, critical) => {
          const summary = summarise(
            parseReport({
              title: 't',
              thresholds: { critical, misaligned },
              samples: { id: necessity.map((_, i) => String(i)), necessity },
              selections: [{ name: 's', method: 'm', options: {}, seed: 1, requested: 1, kept: [0] }],
            }),
          );
          const counts = [0, 1, 2].map((c) => total(summary.bins.map((bin) => bin.kept[c]! + bin.dropped[c]!)));
          expect(counts).toEqual([summary.classes!.critical, summary.classes!.redundant, summary.classes!.misaligned]);
          expect(total(summary.bins.map((bin) => total(bin.kept)))).toBe(1);
          expect(summary.bins.length).toBeLessThan(400);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('gives each bin one class with the default thresholds', async () => {
    const summary = summarise(parseReport(await exampleReport({ thumbnails: 0 })));
    for (const bin of summary.bins) {
      const classes = [0, 1, 2].filter((c) => bin.kept[c]! + bin.dropped[c]! > 0);
      expect(classes.length).toBeLessThanOrEqual(1);
    }
  });

  it('finds the fault that fills a cluster of its own and that the official rule keeps', async () => {
    const summary = summarise(parseReport(await exampleReport({ thumbnails: 0 })));
    const found = ownClusterFindings(summary);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain('VisNec (official) keeps');
    expect(found[0]).toContain('cluster 11');
  });

  it('counts overlap both ways', async () => {
    const { selections } = summarise(parseReport(await exampleReport({ thumbnails: 0 })));
    for (let a = 0; a < selections.length; a++) {
      expect(selections[a]!.overlap[a]).toBe(selections[a]!.kept);
      for (let b = 0; b < selections.length; b++) expect(selections[a]!.overlap[b]).toBe(selections[b]!.overlap[a]);
    }
  });
});

describe('summaryText', () => {
  it('keeps to the width, is plain without colour, and shows the same numbers', async () => {
    const data = parseReport(await exampleReport({ thumbnails: 0 }));
    for (const width of [60, 80, 100, 200]) {
      const text = summaryText(data, { colour: false, width });
      for (const line of text.split('\n')) expect([...line].length).toBeLessThanOrEqual(Math.min(100, width));
      expect(text).not.toContain('\u001b');
      expect(text.replace(/\s+/g, ' ')).toContain(finding(summarise(data)));
    }
    expect(summaryText(data, { colour: true, width: 100 })).toContain('\u001b[');
  });

  it('works on nothing but ids', () => {
    expect(
      summaryText(parseReport({ title: 'Photos', samples: { id: ['a'] } }), { colour: false, width: 80 }),
    ).toContain('Photos');
  });
});
