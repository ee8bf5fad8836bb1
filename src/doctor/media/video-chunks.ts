import type { ReadRange, VideoFacts } from './video-facts.ts';

/** Blocks that are counted before a video is known to be long enough for anything. */
const ENOUGH = 10_000;

const SEGMENT = 0x18538067;
const CLUSTER = 0x1f43b675;
const BLOCK_GROUP = 0xa0;
const SIMPLE_BLOCK = 0xa3;

/**
 * Blocks of a Matroska or WebM file (RFC 8794, RFC 9559), audio included: without a decoder a block isn't known to be a
 * picture. Stops counting at 10,000. A segment whose length isn't known (a live recording) is walked to the end of the
 * file.
 */
export async function countMatroskaFrames(read: ReadRange, size: number): Promise<VideoFacts> {
  let frames = 0;
  let cut = false;
  const walk = async (start: number, end: number): Promise<void> => {
    for (let at = start; at < end && frames < ENOUGH; ) {
      const head = await read(at, 12);
      const id = readVint(head, 0, false);
      const length = id && readVint(head, id.width, true);
      if (id === undefined || length === undefined) return;
      const content = at + id.width + length.width;
      const known = length.value !== undefined;
      const next = known ? content + length.value! : end;
      if (next > size) cut = true;
      if (id.value === SEGMENT || id.value === CLUSTER) {
        // A cluster of unknown length ends where the next begins: both are read as one list.
        await walk(content, Math.min(next, end, size));
      } else if (id.value === SIMPLE_BLOCK || id.value === BLOCK_GROUP) frames++;
      at = next;
    }
  };
  await walk(0, size);
  return cut ? { unreadable: `truncated: its last part ends behind the file's ${size} bytes` } : { frames };
}

/** A variable-length number of EBML; for lengths the marker bit is taken off, and all ones mean that it isn't known. */
function readVint(
  data: Buffer,
  at: number,
  isLength: boolean,
): { value: number | undefined; width: number } | undefined {
  const first = data[at];
  if (first === undefined || first === 0) return undefined;
  const width = Math.clz32(first) - 23;
  if (at + width > data.length) return undefined;
  let value = isLength ? first & (0xff >> width) : first;
  let ones = isLength && value === 0xff >> width;
  for (let i = 1; i < width; i++) {
    value = value * 256 + data[at + i]!;
    if (data[at + i] !== 0xff) ones = false;
  }
  return { value: ones ? undefined : value, width };
}

/** Frames of an AVI file: what its main header says, with the size that the RIFF header promises. */
export async function countAviFrames(read: ReadRange, size: number): Promise<VideoFacts> {
  const head = await read(0, 64);
  if (head.length < 56 || head.toString('latin1', 24, 28) !== 'avih')
    return { unreadable: 'it has no main header (avih)' };
  const promised = head.readUInt32LE(4) + 8;
  // OpenDML files and recordings that were never closed leave the length open.
  if (promised > size && promised < 0xfffffff0)
    return { unreadable: `truncated: the file has ${size} of ${promised} bytes` };
  return { frames: head.readUInt32LE(48) };
}
