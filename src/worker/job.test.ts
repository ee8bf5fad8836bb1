import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { jobSchema } from './job.ts';

const SHIPPED = fileURLToPath(new URL('../../worker/winnow_worker/schemas/job.schema.json', import.meta.url));

it('is the schema that the worker checks jobs with', () => {
  expect(readFileSync(SHIPPED, 'utf8')).toBe(jobSchema());
});
