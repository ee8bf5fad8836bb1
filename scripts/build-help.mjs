// Writes dist/cli/help.json: every verb with its options as data, so that help and completion load no verb.
import { writeFile } from 'node:fs/promises';

const dist = new URL('../dist/', import.meta.url);
const { buildHelpIndex } = await import(new URL('cli/help/build-index.js', dist).href);
const { VERBS } = await import(new URL('cli/commands/registry.js', dist).href);
await writeFile(new URL('cli/help.json', dist), JSON.stringify(await buildHelpIndex(VERBS)));
