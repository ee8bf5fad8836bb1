import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runSelection } from '../select/run.ts';
import { runScore } from '../signals/engine/score.ts';
import { planScore } from '../signals/engine/score-plan.ts';
import { openProject, type Project } from '../store/project.ts';
import { collectReport } from './collect.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** Twelve rows of two sources; row 10 has no image file, row 11 is no conversation. */
const ROWS = 12;
let folder = '';
let project: Project;
let truth = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'winnow-collect-'));
  mkdirSync(join(folder, 'images'));
  const rows = Array.from({ length: ROWS }, (_, i) => ({
    id: `r${i}`,
    image: i === 10 ? 'gone.png' : `${i}.png`,
    source: i < 6 ? 'left' : 'right',
    conversations:
      i === 11
        ? 'none'
        : [
            { from: 'human', value: `<image>\nWhat colour is shape ${i}?` },
            { from: 'gpt', value: i % 2 === 0 ? 'red' : 'blue' },
          ],
  }));
  for (let i = 0; i < 10; i++) {
    const image = sharp({ create: { width: 64, height: 64, channels: 3, background: { r: 20 * i, g: 90, b: 200 } } });
    await image.png().toFile(join(folder, 'images', `${i}.png`));
  }
  writeFileSync(join(folder, 'data.json'), JSON.stringify(rows));
  truth = join(folder, 'truth.json');
  const faults = [{ key: 'planted', title: 'Planted', about: 'put there', separable: true }];
  writeFileSync(truth, JSON.stringify({ faults, rows: { r0: { fault: 'planted' }, r1: { visual: true } } }));
  project = await openProject(folder, { create: true });
  await project.addDataset({ path: join(folder, 'data.json'), images: join(folder, 'images') });
});
afterAll(async () => {
  await project.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('the report', () => {
  it('needs something to report', async () => {
    await expect(collectReport(project)).rejects.toMatchObject({ code: expect.stringMatching(/SELECTION|NOTHING/) });
  });

  it('is about a selection even where nothing was measured', async () => {
    await runSelection(project, { method: 'random', budget: '4', seed: 1 });
    await runSelection(project, { method: 'random', budget: '4', seed: 2 });
    const report = await collectReport(project);
    expect(report.samples.id).toHaveLength(ROWS);
    expect(report.samples.necessity).toBeUndefined();
    expect(report.gallery).toBeUndefined();
    const titles = report.selections!.map(({ title }) => title);
    expect(new Set(titles).size).toBe(2);
    expect(report.selections![0]!.kept).toHaveLength(4);
    expect(report.quarantined?.map(({ row }) => row)).toEqual([11]);
    const [uniform] = report.random!;
    expect(uniform!.source!.left!.mean + uniform!.source!.right!.mean).toBeCloseTo(1, 6);
  });

  it('shows losses, tokens, reasons and truth once they are there', async () => {
    await runScore(await planScore(project, { signal: 'loss', params: { perToken: true } }));
    await runSelection(project, { method: 'visnec', budget: '3', options: { k: 2, textOnly: 'exclude' } });
    const report = await collectReport(project, { truth, title: 'A title' });
    expect(report.title).toBe('A title');
    const { multimodal, blind, necessity, fault } = report.samples;
    for (const row of [0, 5, 9]) expect(necessity![row]).toBeCloseTo(blind![row]! - multimodal![row]!, 5);
    for (const row of [10, 11]) expect(necessity![row]).toBeNaN();
    expect(fault).toEqual(['planted', ...Array(ROWS - 1).fill(null)]);
    expect(report.faults).toMatchObject([{ key: 'planted', title: 'Planted' }]);
    const reasons = report.selections![0]!.reasons!;
    expect(reasons.code).toHaveLength(ROWS);
    expect(report.quarantined?.map(({ row, reason }) => [row, reason.length > 10])).toEqual([
      [10, true],
      [11, true],
    ]);
    const shown = report.gallery!.samples.find(({ row }) => row === report.gallery!.groups[0]!.rows[0])!;
    const [place] = report.pictures!.of[shown.row]!;
    expect(report.pictures!.list[place!]).toMatchObject({
      embedded: expect.stringMatching(/^data:image\/png/),
      link: `./images/${shown.row}.png`,
    });
    expect(shown.tokens!.text.length).toBe(shown.tokens!.multimodal.length);
    expect(shown.tokens!.text.length).toBe(shown.tokens!.blind.length);
  });

  it('names a selection or a truth file that is not there', async () => {
    await expect(collectReport(project, { selection: 'none' })).rejects.toMatchObject({ code: 'SELECTION_UNKNOWN' });
    await expect(collectReport(project, { truth: join(folder, 'data.json') })).rejects.toMatchObject({
      code: 'TRUTH_INVALID',
    });
  });
});
