import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { createRandom, type Random } from '../src/numeric/philox.ts';

/** What was planted: names of files by fault. Of twins the copy's name and the original's. */
export interface Planted {
  images: number;
  exact: [copy: string, original: string][];
  near: Record<'resized' | 'recompressed' | 'cropped', [copy: string, original: string][]>;
  blank: string[];
  /** Not decodable; some peers end at one, so that they lie in a folder of their own. */
  truncated: string[];
}

const WIDTH = 500;
const HEIGHT = 375;
const EACH = { exact: 100, near: 50, blank: 40, truncated: 40 };

/**
 * A folder of JPEGs, `sound/` and `broken/`: generated scenes, as many photographs as are given, and planted faults.
 * The same folder for the same numbers.
 * @param photos a folder of photographs, of which each is taken once
 */
export async function plantFaults(folder: string, images: number, photos?: string): Promise<Planted> {
  // Beside the folder: inside it would be taken for captions.
  const truth = `${folder}-planted.json`;
  if (existsSync(truth)) return JSON.parse(readFileSync(truth, 'utf8')) as Planted;
  const making = `${folder}.part`;
  rmSync(making, { recursive: true, force: true });
  mkdirSync(join(making, 'sound'), { recursive: true });
  mkdirSync(join(making, 'broken'));
  const random = createRandom(42, 'bench/image-faults');
  const names = await makeScenes(join(making, 'sound'), images - faultCount(), photos, random);
  const planted = await plant(making, names, random);
  rmSync(folder, { recursive: true, force: true });
  renameSync(making, folder);
  writeFileSync(truth, JSON.stringify(planted));
  return planted;
}

function faultCount(): number {
  return EACH.exact + 3 * EACH.near + EACH.blank + EACH.truncated;
}

async function makeScenes(
  folder: string,
  count: number,
  photos: string | undefined,
  random: Random,
): Promise<string[]> {
  const given = photos === undefined ? [] : readdirSync(photos).filter((name) => /\.jpe?g$/i.test(name));
  const names: string[] = [];
  for (const [index, name] of given.slice(0, count).entries()) {
    names.push(`photo-${String(index).padStart(5, '0')}.jpg`);
    copyFileSync(join(photos!, name), join(folder, names.at(-1)!));
  }
  while (names.length < count) {
    const name = `scene-${String(names.length).padStart(5, '0')}.jpg`;
    await writeScene(join(folder, name), random);
    names.push(name);
  }
  return names;
}

/** Sky and ground, shapes of any colour and size, and grain: no two alike. */
async function writeScene(path: string, random: Random): Promise<void> {
  const colour = () => `rgb(${random.below(256)},${random.below(256)},${random.below(256)})`;
  const shapes = Array.from({ length: 6 + random.below(14) }, () => {
    const [x, y, size] = [random.below(WIDTH), random.below(HEIGHT), 15 + random.below(140)];
    const fill = `fill="${colour()}" fill-opacity="${(0.5 + random.uniform() / 2).toFixed(2)}"`;
    if (random.below(2) === 0)
      return `<ellipse cx="${x}" cy="${y}" rx="${size}" ry="${10 + random.below(100)}" ${fill}/>`;
    const turn = random.below(180);
    return `<rect x="${x}" y="${y}" width="${size}" height="${10 + random.below(120)}" transform="rotate(${turn} ${x} ${y})" ${fill}/>`;
  });
  const stops = `<stop offset="0" stop-color="${colour()}"/><stop offset="1" stop-color="${colour()}"/>`;
  const ground = `<linearGradient id="g" gradientTransform="rotate(${random.below(90)})">${stops}</linearGradient>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}"><defs>${ground}</defs><rect width="100%" height="100%" fill="url(#g)"/>${shapes.join('')}</svg>`;
  const grain = Buffer.alloc(WIDTH * HEIGHT * 4);
  for (let i = 0; i < grain.length; i += 4) grain.writeUInt32LE(random.word() & 0x1fffffff, i);
  await sharp(Buffer.from(svg))
    .composite([{ input: grain, raw: { width: WIDTH, height: HEIGHT, channels: 4 }, blend: 'over' }])
    .removeAlpha()
    .jpeg({ quality: 88 })
    .toFile(path);
}

async function plant(folder: string, names: readonly string[], random: Random): Promise<Planted> {
  const sound = join(folder, 'sound');
  const chosen = random.sample(names.length, EACH.exact + 3 * EACH.near + EACH.truncated);
  let next = 0;
  const original = () => names[chosen[next++]!]!;
  /** A copy's name says nothing of what it is a copy of, and sorts among the others. */
  const named = (kind: string) => `${random.below(2) === 0 ? 'a' : 'z'}-${kind}-${next}.jpg`;
  const twin = async (kind: string, change: (path: string, out: string) => unknown): Promise<[string, string]> => {
    const from = original();
    const copy = named(kind);
    await change(join(sound, from), join(sound, copy));
    return [copy, from];
  };
  const several = async <T>(count: number, make: () => Promise<T>): Promise<T[]> => {
    const made: T[] = [];
    for (let i = 0; i < count; i++) made.push(await make());
    return made;
  };
  const resize = (path: string, out: string) =>
    sharp(path)
      .resize({ width: Math.round(WIDTH * (0.5 + random.uniform() * 0.4)) })
      .jpeg({ quality: 88 })
      .toFile(out);
  const recompress = (path: string, out: string) =>
    sharp(path)
      .jpeg({ quality: 40 + random.below(40) })
      .toFile(out);
  const crop = async (path: string, out: string) => {
    const { width, height } = await sharp(path).metadata();
    const [left, top] = [Math.round(width * 0.03 * random.uniform()), Math.round(height * 0.03 * random.uniform())];
    const part = { left, top, width: Math.round(width * 0.96), height: Math.round(height * 0.96) };
    await sharp(path).extract(part).jpeg({ quality: 88 }).toFile(out);
  };
  const blank = async (): Promise<string> => {
    const name = `blank-${next}-${random.word()}.jpg`;
    const background = { r: random.below(256), g: random.below(256), b: random.below(256) };
    const create = { width: WIDTH - random.below(40), height: HEIGHT, channels: 3, background } as const;
    await sharp({ create }).jpeg().toFile(join(sound, name));
    return name;
  };
  const cut = async (): Promise<string> => {
    const from = original();
    const bytes = readFileSync(join(sound, from));
    const name = `cut-${from}`;
    writeFileSync(
      join(folder, 'broken', name),
      bytes.subarray(0, Math.round(bytes.length * (0.3 + 0.6 * random.uniform()))),
    );
    return name;
  };
  const exact = await several(EACH.exact, () => twin('copy', copyFileSync));
  const near = {
    resized: await several(EACH.near, () => twin('small', resize)),
    recompressed: await several(EACH.near, () => twin('again', recompress)),
    cropped: await several(EACH.near, () => twin('part', crop)),
  };
  const [blanks, truncated] = [await several(EACH.blank, blank), await several(EACH.truncated, cut)];
  return { images: names.length + faultCount(), exact, near, blank: blanks, truncated };
}
