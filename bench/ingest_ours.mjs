// Winnow's side of bench/ingest.ts, on the built package: `query FILE CACHE`, `import FILE PROJECT`, `status PROJECT`.
import { importDataset, openDataset, status } from '../dist/index.js';

const [what, first, second] = process.argv.slice(2);
/** Peak of memory and seconds of all threads so far. */
function cost() {
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  return { megabytes: maxRSS / 1024, processor: (userCPUTime + systemCPUTime) / 1e6 };
}

async function query(file, cacheDir) {
  const dataset = await openDataset(file, { cacheDir });
  const textOnly = dataset.rowFlags.reduce((n, flags) => n + ((flags >> 1) & 1), 0);
  const [row] = await dataset.get([dataset.rows >> 1]);
  const answer = [dataset.rows, textOnly, row.id];
  const spent = cost();
  await dataset.close();
  const again = await openDataset(file, { cacheDir });
  const scattered = [];
  for (let turn = 0; turn < 20; turn++) {
    // A fixed walk that never meets a row twice: 100 places all over the file.
    const rows = Array.from({ length: 100 }, (_, i) => ((turn * 100 + i) * 7_368_787) % again.rows);
    const began = performance.now();
    await again.get(rows);
    scattered.push(performance.now() - began);
  }
  await again.close();
  return { ...spent, answer, scattered };
}

async function run() {
  if (what === 'query') return await query(first, second);
  if (what === 'import') return { rows: (await importDataset(second, { path: first })).rows };
  const found = await status(first);
  return { datasets: found.datasets.length };
}

const said = await run();
console.log(JSON.stringify({ ...cost(), ...said }));
