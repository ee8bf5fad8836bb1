// Bundles the pages into dist/report/: client.js is the report's script, arena.js the arena's, style.css is theirs.
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = new URL('..', import.meta.url);
const path = (relative) => fileURLToPath(new URL(relative, root));

await mkdir(path('dist/report/'), { recursive: true });
const common = { bundle: true, minify: true, legalComments: 'none', logLevel: 'warning', charset: 'utf8' };
await Promise.all([
  ...[
    ['src/report/web/main.ts', 'dist/report/client.js'],
    ['src/report/arena/web/main.ts', 'dist/report/arena.js'],
  ].map(([source, bundle]) =>
    build({
      ...common,
      entryPoints: [path(source)],
      outfile: path(bundle),
      format: 'iife',
      target: 'es2022',
      tsconfig: path('src/report/web/tsconfig.json'),
    }),
  ),
  build({
    ...common,
    entryPoints: [path('src/report/web/style.css')],
    outfile: path('dist/report/style.css'),
    target: 'chrome111',
  }),
]);
