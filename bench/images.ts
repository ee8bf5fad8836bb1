/**
 * The doctor's look at 5,000 JPEGs (every media check and twins) against cleanvision's default checks and imagededup's
 * perceptual hashes: images a second from the start of the process, and what each finds of the faults that were
 * planted. Runs take turns.
 *
 *     node scripts/bench.mjs images [--images 5000] [--repeats 3] [--photos FOLDER] [--python PEERS'] [--save]
 */
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { openDataset } from '../src/dataset/open/open.ts';
import { examine } from '../src/doctor/examine.ts';
import { inWords, machine, OUT, peerPython, runOnce, saveResults, spread } from './contest.ts';
import { type Planted, plantFaults } from './image-faults.ts';

const PEERS = ['cleanvision==0.3.7', 'imagededup==0.3.3.post2'];
const LEAST_TIMES = 3;
const CHECKS = ['D007', 'D102', 'D103', 'D104', 'D105', 'D106', 'D107', 'D108'];

/** What a contestant found, by file name: groups of twins, and faulty files. Absent: it doesn't look for that. */
interface Found {
  exact?: string[][];
  near?: string[][];
  blank?: string[];
  broken?: string[];
}

/** Winnow's run, in a process of its own: prints what the doctor found. */
async function ours(folder: string): Promise<void> {
  const dataset = await openDataset(folder, { format: 'folder' });
  const { store } = await examine(dataset, { only: CHECKS });
  const names = (code: string) => store.rowsOf(code).map((row) => basename(dataset.ids[row]!));
  const twins = names('D007').map((name) => [name]);
  console.log(JSON.stringify({ near: twins, blank: names('D108'), broken: names('D103') }));
  await dataset.close();
}

/** Share of the planted faults that were found, and files that were named without a fault. */
function judge(found: Found, planted: Planted, hasBroken: boolean): Record<string, number> {
  const twins = new Set([...(found.exact ?? []), ...(found.near ?? [])].flat());
  // A twin is found where either of the two is named: which one is the copy can't be known.
  const pairs = (all: readonly [string, string][]) => all.filter((pair) => pair.some((name) => twins.has(name)));
  const share = (some: readonly unknown[], all: readonly unknown[]) => some.length / all.length;
  const among = (names: readonly string[] | undefined, all: readonly string[]) => {
    const there = new Set(names);
    return all.filter((name) => there.has(name));
  };
  const { exact, near, blank, truncated } = planted;
  const meant = new Set([...exact, ...near.resized, ...near.recompressed, ...near.cropped].flat());
  const faulty = new Set([...blank, ...truncated]);
  const scores: Record<string, number> = {
    exact: share(pairs(exact), exact),
    resized: share(pairs(near.resized), near.resized),
    recompressed: share(pairs(near.recompressed), near.recompressed),
    cropped: share(pairs(near.cropped), near.cropped),
    falseTwins: [...twins].filter((name) => !meant.has(name) && !faulty.has(name)).length,
  };
  if (found.blank !== undefined) {
    scores.blank = share(among(found.blank, blank), blank);
    scores.falseBlank = found.blank.filter((name) => !faulty.has(name)).length;
  }
  if (found.broken !== undefined && hasBroken) {
    scores.truncated = share(among(found.broken, truncated), truncated);
    scores.falseTruncated = found.broken.filter((name) => !faulty.has(name)).length;
  }
  return scores;
}

async function contest(): Promise<void> {
  const count = Number(values.images);
  const folder = join(OUT, 'images', `jpegs-${count}${values.photos === undefined ? '' : '-photos'}`);
  const planted = await plantFaults(folder, count, values.photos);
  const python = peerPython('images', PEERS, values.python);
  const sound = join(folder, 'sound');
  const peer = (tool: string) =>
    [python, ['bench/images_peer.py', tool, sound], count - planted.truncated.length] as const;
  const contestants = {
    winnow: [process.execPath, [process.argv[1]!, '--ours', folder], count] as const,
    cleanvision: peer('cleanvision'),
    imagededup: peer('imagededup'),
  };
  const about = machine();
  const rates: Record<string, number[]> = {};
  const scores: Record<string, Record<string, number>> = {};
  const versions: Record<string, unknown> = {};
  for (let repeat = 0; repeat < Number(values.repeats); repeat++) {
    for (const [name, [command, args, images]] of Object.entries(contestants)) {
      const { seconds, said } = runOnce(command, args);
      rates[name] = [...(rates[name] ?? []), images / seconds];
      scores[name] = judge(said as Found, planted, name === 'winnow');
      if (said.version !== undefined) versions[name] = said.version;
      console.log(`${name.padEnd(12)} ${(images / seconds).toFixed(0)} images/s`);
    }
  }
  const perSecond = Object.fromEntries(Object.entries(rates).map(([name, all]) => [name, spread(all)]));
  const timesAs = (name: string) => spread(rates.winnow!.map((rate, i) => rate / rates[name]![i]!));
  const timesAsFast = { cleanvision: timesAs('cleanvision'), imagededup: timesAs('imagededup') };
  const results = {
    what: `${count} JPEGs; each run a process of its own, in turn`,
    machine: about,
    versions,
    imagesPerSecond: perSecond,
    timesAsFast,
    scores,
  };
  for (const [name, all] of Object.entries(perSecond))
    console.log(`${name.padEnd(12)} ${inWords(all, 'images/s', 0).padEnd(30)} ${JSON.stringify(scores[name])}`);
  for (const [name, all] of Object.entries(timesAsFast))
    console.log(`times as fast as ${name}: ${inWords(all, 'times')}`);
  if (values.save) saveResults('images', results);
  const isWithin =
    timesAsFast.cleanvision.median >= LEAST_TIMES &&
    isAsGood(scores.winnow!, [scores.cleanvision!, scores.imagededup!]);
  console.log(
    `${isWithin ? 'within' : 'NOT within'} the bars: ${LEAST_TIMES} times cleanvision, recall and false alarms at least as good`,
  );
  process.exitCode = isWithin ? 0 : 1;
}

/** No peer finds more of any fault, and none has fewer false alarms. */
function isAsGood(own: Record<string, number>, peers: readonly Record<string, number>[]): boolean {
  return peers.every((peer) =>
    Object.entries(peer).every(([what, value]) =>
      what.startsWith('false') ? own[what]! <= value : own[what]! >= value,
    ),
  );
}

const { values } = parseArgs({
  options: {
    images: { type: 'string', default: '5000' },
    repeats: { type: 'string', default: '3' },
    photos: { type: 'string' },
    python: { type: 'string' },
    save: { type: 'boolean', default: false },
    ours: { type: 'string' },
  },
});
if (values.ours !== undefined) await ours(values.ours);
else await contest();
