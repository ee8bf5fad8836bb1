import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the package, from its sources and from the built code alike. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

/** Address of a page of the documentation, as `package.json` names it: `docs/doctor.md` of the version at hand. */
export function docsUrl(page: string): string {
  const file = join(packageRoot(), 'package.json');
  const { homepage } = JSON.parse(readFileSync(file, 'utf8')) as { homepage: string };
  return `${homepage.replace(/#.*$/, '')}/blob/main/docs/${page}`;
}
