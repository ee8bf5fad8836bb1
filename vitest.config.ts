import { configDefaults, defineConfig } from 'vitest/config';

/**
 * What runs for long and rarely breaks stands in files of its own: `npm run test:long` runs them, `npm test` doesn't.
 */
const LONG = ['src/**/*.long.test.ts', 'test/**/*.long.test.ts'];
/** Test more where the long tests run. */
const LONGER = ['src/signals/contract.test.ts'];
const isLong = process.env.WINNOW_LONG === '1';

export default defineConfig({
  resolve: { conditions: ['@winnow/source'] },
  ssr: { resolve: { conditions: ['@winnow/source'] } },
  test: {
    include: isLong ? [...LONG, ...LONGER] : ['src/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: isLong ? configDefaults.exclude : [...configDefaults.exclude, ...LONG],
    setupFiles: ['test/property-seed.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
