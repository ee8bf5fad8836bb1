import type { ReadRange, VideoFacts } from './video-facts.ts';

interface Box {
  type: string;
  /** Where its content begins and the box ends, in bytes of the file. */
  start: number;
  end: number;
}

/** Largest sample table that is read; an hour at 60 frames a second needs 1 MB. */
const MOST_TABLE = 64 * 2 ** 20;
/** A box tree deeper or wider than any encoder's is an attack. */
const MOST_BOXES = 100_000;

/**
 * Frames of the first video track of an MP4 or QuickTime file (ISO/IEC 14496-12): from its sample sizes, for a
 * fragmented file from its track runs. Also finds a file that was cut: without `moov`, or with chunks that lie behind
 * its end.
 */
export async function countMp4Frames(read: ReadRange, size: number): Promise<VideoFacts> {
  const top = await boxes(read, 0, size);
  const moov = top.find(({ type }) => type === 'moov');
  if (moov === undefined)
    return { unreadable: 'it has no table of its frames (moov): the file was cut or never finished' };
  if (moov.end > size) return { unreadable: 'truncated: the table of its frames (moov) is cut' };
  let videoTrack: number | undefined;
  for (const trak of (await boxes(read, moov.start, moov.end)).filter(({ type }) => type === 'trak')) {
    const mdia = await child(read, trak, 'mdia');
    const handler = mdia && (await child(read, mdia, 'hdlr'));
    if (handler === undefined || (await read(handler.start + 8, 4)).toString('latin1') !== 'vide') continue;
    videoTrack ??= trak.start;
    const minf = mdia && (await child(read, mdia, 'minf'));
    const table = minf && (await child(read, minf, 'stbl'));
    if (table === undefined) continue;
    const frames = await sampleCount(read, table);
    if (frames === 0) continue;
    const last = await lastChunk(read, table);
    if (last !== undefined && last >= size)
      return { unreadable: `truncated: frames are expected up to byte ${last}, the file has ${size}` };
    const cut = top.find(({ type, end }) => type === 'mdat' && end > size);
    if (cut !== undefined) return { unreadable: `truncated: the file has ${size} of ${cut.end} bytes` };
    return { frames };
  }
  if (videoTrack === undefined) return { unreadable: 'it has no video track' };
  return { frames: await fragmentFrames(read, top) };
}

/** Boxes side by side in a range; one that claims to end behind it is kept, as the last. */
async function boxes(read: ReadRange, start: number, end: number): Promise<Box[]> {
  const found: Box[] = [];
  for (let at = start; at + 8 <= end && found.length < MOST_BOXES; ) {
    const head = await read(at, 16);
    if (head.length < 8) break;
    let length = head.readUInt32BE(0);
    let header = 8;
    if (length === 1 && head.length === 16) {
      length = Number(head.readBigUInt64BE(8));
      header = 16;
    } else if (length === 0) length = end - at;
    if (length < header) break;
    found.push({ type: head.toString('latin1', 4, 8), start: at + header, end: at + length });
    at += length;
  }
  return found;
}

async function child(read: ReadRange, parent: Box, type: string): Promise<Box | undefined> {
  return (await boxes(read, parent.start, parent.end)).find((box) => box.type === type);
}

async function sampleCount(read: ReadRange, table: Box): Promise<number> {
  const sizes = (await child(read, table, 'stsz')) ?? (await child(read, table, 'stz2'));
  if (sizes === undefined) return 0;
  const head = await read(sizes.start, 12);
  return head.length < 12 ? 0 : head.readUInt32BE(8);
}

/** Byte offset of the last chunk. */
async function lastChunk(read: ReadRange, table: Box): Promise<number | undefined> {
  const narrow = await child(read, table, 'stco');
  const offsets = narrow ?? (await child(read, table, 'co64'));
  if (offsets === undefined || offsets.end - offsets.start > MOST_TABLE) return undefined;
  const data = await read(offsets.start, offsets.end - offsets.start);
  let last: number | undefined;
  const width = narrow === undefined ? 8 : 4;
  for (let at = 8; at + width <= data.length; at += width) {
    const offset = width === 4 ? data.readUInt32BE(at) : Number(data.readBigUInt64BE(at));
    if (last === undefined || offset > last) last = offset;
  }
  return last;
}

/** Samples of all track runs of a fragmented file. */
async function fragmentFrames(read: ReadRange, top: readonly Box[]): Promise<number> {
  let frames = 0;
  for (const moof of top.filter(({ type }) => type === 'moof')) {
    for (const traf of (await boxes(read, moof.start, moof.end)).filter(({ type }) => type === 'traf')) {
      for (const run of (await boxes(read, traf.start, traf.end)).filter(({ type }) => type === 'trun')) {
        const head = await read(run.start, 8);
        if (head.length === 8) frames += head.readUInt32BE(4);
      }
    }
  }
  return frames;
}
