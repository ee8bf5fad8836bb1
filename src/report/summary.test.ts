import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exampleReport } from '../../test/example-report.ts';
import type { Fit } from '../signals/fit/measure.ts';
import { CLASSES } from './format.ts';
import { headline, ownClusterFindings } from './headline.ts';
import { parseReport } from './report.ts';
import { summarise } from './summary.ts';
import { summaryText } from './terminal.ts';

const total = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** A model that fits. */
const FIT: Fit = {
  verdict: 'fits',
  model: 'm',
  dataset: 'd',
  n: 6,
  loss: 0.3,
  uniform: 7,
  unigram: 2,
  necessity: { mean: 1, lo: 0.9, hi: 1.1, rows: 6, helped: 6, hurt: 0 },
  tunedOn: 0,
  heldApart: false,
  reason: 'It is sound.',
  wayOut: null,
};

describe('summarise', () => {
  it('counts classes, with values on a threshold redundant and missing ones apart', () => {
    const necessity = [0.05, -0.05, 0.051, -0.051, 0, null];
    const samples = { id: ['a', 'b', 'c', 'd', 'e', 'f'], necessity };
    const summary = summarise(parseReport({ title: 't', fit: FIT, samples }));
    expect(summary.classes).toMatchObject({ critical: 1, redundant: 3, misaligned: 1 });
    expect(summary.scored).toBe(5);
    expect(headline(summary)).toBe(
      'Of 6 samples, 1 teach the model to look; 3 can be answered blind; 1 contradict their image; 1 could not be scored.',
    );
  });

  it('has classes of their own for text alone, and for rows that neither image nor text answers', () => {
    const samples = {
      id: ['a', 'b', 'c', 'd'],
      necessity: [0, 0, 0, 2],
      blind: [0.1, 3, 0.1, 3],
      textOnly: [0, 0, 1, 0],
    };
    const summary = summarise(parseReport({ title: 't', fit: FIT, samples }));
    expect(summary.classes).toEqual({ critical: 1, redundant: 1, neither: 1, misaligned: 0, 'text-only': 1 });
    // Text alone has no place on the scale of S, and no part in its mean.
    expect(summary.meanNecessity).toBeCloseTo(2 / 3, 12);
    expect(total(summary.bins.map((bin) => total(bin.dropped)))).toBe(3);
    expect(headline(summary)).toContain(
      '1 are answered by neither image nor text; 0 contradict their image; 1 have no image',
    );
  });

  it.each(['misfit', 'unclear', 'unknown'] as const)(
    'leads with a fit that is %s, and reads nothing into S',
    (verdict) => {
      const samples = { id: ['a', 'b'], necessity: [1, -1] };
      const data = parseReport({ title: 't', fit: { ...FIT, verdict, wayOut: 'Take another.' }, samples });
      const text = summaryText(data, { colour: false, width: 100 });
      expect(text.split('\n')[1]).toMatch(/fit/);
      expect(text).toContain('Take another.');
      expect(text).not.toMatch(/teach|contradict/);
      const none = summaryText(parseReport({ title: 't', samples }), { colour: false, width: 100 });
      expect(none).toContain('It is not known whether the model');
      expect(none).not.toMatch(/teach|contradict/);
    },
  );

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
          const counts = CLASSES.map((_, c) => total(summary.bins.map((bin) => bin.kept[c]! + bin.dropped[c]!)));
          expect(counts).toEqual(CLASSES.map((name) => summary.classes![name]));
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
      const filled = CLASSES.filter((_, c) => bin.kept[c]! + bin.dropped[c]! > 0);
      const classes = new Set(filled.map((name) => (name === 'neither' ? 'redundant' : name)));
      expect(classes.size).toBeLessThanOrEqual(1);
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
      expect(text.replace(/\s+/g, ' ')).toContain(headline(summarise(data)));
    }
    expect(summaryText(data, { colour: true, width: 100 })).toContain('\u001b[');
  });

  it('works on nothing but ids', () => {
    expect(
      summaryText(parseReport({ title: 'Photos', samples: { id: ['a'] } }), { colour: false, width: 80 }),
    ).toContain('Photos');
  });
});
