// Bundles the report's page into dist/report/client.js and dist/report/style.css.
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = new URL('..', import.meta.url);
const path = (relative) => fileURLToPath(new URL(relative, root));

await mkdir(path('dist/report/'), { recursive: true });
const common = { bundle: true, minify: true, legalComments: 'none', logLevel: 'warning', charset: 'utf8' };
await Promise.all([
  build({
    ...common,
    entryPoints: [path('src/report/web/main.ts')],
    outfile: path('dist/report/client.js'),
    format: 'iife',
    target: 'es2022',
    tsconfig: path('src/report/web/tsconfig.json'),
  }),
  build({
    ...common,
    entryPoints: [path('src/report/web/style.css')],
    outfile: path('dist/report/style.css'),
    target: 'chrome111',
  }),
]);
