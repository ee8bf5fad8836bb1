#!/usr/bin/env node
// Runs our code on conformance fixtures: `npm run conformance -- DIR [--strict]`. The checks are no part of the
// package: they are bundled here, over the built one.
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const SRC = path.join(ROOT, 'src') + path.sep;
const BUNDLE = path.join(ROOT, '.setup', 'conformance.mjs');

/** What the checks import of `src/` is the built file in `dist/`. */
const fromBuild = {
  name: 'from-build',
  setup(context) {
    context.onResolve({ filter: /^\./ }, ({ path: specifier, resolveDir }) => {
      const file = path.resolve(resolveDir, specifier);
      if (!file.startsWith(SRC)) return undefined;
      const built = path.join(ROOT, 'dist', path.relative(SRC, file).replace(/\.ts$/, '.js'));
      return { path: pathToFileURL(built).href, external: true };
    });
  },
};

await build({
  entryPoints: [path.join(ROOT, 'test', 'conformance', 'main.ts')],
  outfile: BUNDLE,
  bundle: true,
  format: 'esm',
  platform: 'node',
  packages: 'external',
  plugins: [fromBuild],
  logLevel: 'warning',
});
await import(pathToFileURL(BUNDLE).href);
