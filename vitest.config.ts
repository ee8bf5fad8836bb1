import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['@winnow/source'] },
  ssr: { resolve: { conditions: ['@winnow/source'] } },
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    setupFiles: ['test/property-seed.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
