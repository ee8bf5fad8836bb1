import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openPromptModel } from '../../models/testing/vlm-prompts.ts';
import { type ServeOptions, serveVlm, type TestServer } from '../../models/testing/vlm-server.ts';
import { openProject, type Project } from '../../store/project.ts';
import { readColumns } from '../../store/shard-read.ts';
import { runScore, type ScoreResult } from '../engine/score.ts';
import { planScore } from '../engine/score-plan.ts';

/** The shipped model: what the test server computes with. */
export const MICRO = resolve(import.meta.dirname, '../../../models/micro-vlm');

/** A conversation in LLaVA's form: human and assistant in turn. */
export function row(id: string, images: string[], turns: string[]): Record<string, unknown> {
  const conversations = turns.map((value, i) => ({ from: i % 2 === 0 ? 'human' : 'gpt', value }));
  return { id, image: images.length === 0 ? undefined : images.length === 1 ? images[0] : images, conversations };
}

/** Numbers of a scoring by column. */
export type Scored = ScoreResult & { numbers: Record<string, number[]> };

/**
 * Projects over images of one colour (a.png, b.png, grey.png) and no image (broken.png), and servers of the micro VLM.
 * For tests.
 */
export interface Bench extends AsyncDisposable {
  serve(options?: ServeOptions): Promise<TestServer>;
  projectOf(rows: readonly unknown[]): Promise<Project>;
  score(project: Project, params: Record<string, unknown>): Promise<Scored>;
  /** Close the servers and projects that were opened. */
  clear(): Promise<void>;
}

export async function openBench(): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), 'winnow-http-'));
  const { default: sharp } = await import('sharp');
  for (const [name, background] of Object.entries({ a: '#d02020', b: '#2040c0', grey: '#7f7f7f' })) {
    const image = sharp({ create: { width: 64, height: 48, channels: 3, background } });
    await image.png().toFile(join(folder, `${name}.png`));
  }
  writeFileSync(join(folder, 'broken.png'), 'no picture');
  const model = await openPromptModel(MICRO);
  const open: (TestServer | Project)[] = [];
  let projects = 0;
  const clear = async (): Promise<void> => {
    for (const one of open.splice(0)) await one.close();
  };
  return {
    clear,
    async serve(options = {}) {
      const server = await serveVlm(model, options);
      open.push(server);
      return server;
    },
    async projectOf(rows) {
      const at = join(folder, `project-${projects++}`);
      const project = await openProject(at, { create: true });
      open.push(project);
      writeFileSync(join(at, 'data.json'), JSON.stringify(rows));
      await project.addDataset({ path: join(at, 'data.json'), images: folder, format: 'llava' });
      return project;
    },
    async score(project, params) {
      const plan = await planScore(project, { signal: 'loss', params, offline: true });
      const result = await runScore(plan);
      const names = plan.signal.columns(plan.params).map(({ name }) => name);
      const { columns } = await readColumns(project, plan.shards, names);
      const numbers = Object.entries(columns).map(([name, column]) => [
        name,
        column.kind === 'text' ? [] : Array.from(column.data),
      ]);
      return { ...result, numbers: Object.fromEntries(numbers) };
    },
    async [Symbol.asyncDispose]() {
      await clear();
      await model.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
