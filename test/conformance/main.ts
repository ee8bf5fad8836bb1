import { parseArgs } from 'node:util';
import { WinnowError } from '../../src/base/errors.ts';
import { runConformance } from './run.ts';

const USAGE = 'usage: npm run conformance -- DIR [--strict]';

/** Prints one line a fixture and the totals. Exit status: 0 all conform, 1 one does not, 2 misuse. */
async function main(argv: string[]): Promise<number> {
  let dir: string | undefined;
  let strict: boolean;
  try {
    const { values, positionals } = parseArgs({
      args: argv,
      options: { strict: { type: 'boolean', default: false } },
      allowPositionals: true,
    });
    strict = values.strict;
    dir = positionals.length === 1 ? positionals[0] : undefined;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    strict = false;
  }
  if (dir === undefined) {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  const totals = { ok: 0, FAIL: 0, skip: 0 };
  for await (const { name, status, detail } of runConformance(dir, { strict })) {
    totals[status]++;
    process.stdout.write(`${status} ${name}${detail === undefined ? '' : `: ${detail}`}\n`);
  }
  process.stdout.write(`${totals.ok} passed, ${totals.FAIL} failed, ${totals.skip} skipped\n`);
  return totals.FAIL > 0 ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const known = error instanceof WinnowError;
  process.stderr.write(`${(error as Error).message}${known ? `\n${error.hint ?? ''}` : ''}\n`);
  process.exitCode = known ? error.exitCode : 1;
}
