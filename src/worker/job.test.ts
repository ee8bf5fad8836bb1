import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { jobSchemas } from './job.ts';

it.each(Object.entries(jobSchemas()))('is the schema that the worker checks jobs with: %s', (name, text) => {
  expect(readFileSync(new URL(`../../worker/winnow_worker/schemas/${name}`, import.meta.url), 'utf8')).toBe(text);
});
