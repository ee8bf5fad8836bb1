import { once } from 'node:events';
import { createGzip } from 'node:zlib';

/** Packs bytes as they come; what is ready comes back. */
export interface Packer {
  push(bytes: Buffer): Promise<Uint8Array>;
  end(): Promise<Uint8Array>;
}

/** Endings of packed files, and what they are called. */
export const COMPRESSED = /\.(gz|zst)$/i;

/**
 * Bytes of one zstd frame before packing. Files above it have several, which every reader of zstd takes one after
 * another.
 */
const FRAME = 64 << 20;

/**
 * The packer that a file's name asks for: gzip for `.gz`, zstd for `.zst`, else none. The same bytes give the same
 * file.
 */
export async function packerFor(path: string): Promise<Packer> {
  if (/\.gz$/i.test(path)) return gzip();
  if (/\.zst$/i.test(path)) return zstd();
  return { push: async (bytes) => bytes, end: async () => new Uint8Array() };
}

function gzip(): Packer {
  const stream = createGzip();
  let ready: Buffer[] = [];
  stream.on('data', (bytes: Buffer) => ready.push(bytes));
  const take = (): Buffer => {
    const bytes = Buffer.concat(ready);
    ready = [];
    return bytes;
  };
  return {
    async push(bytes) {
      await new Promise<void>((done, failed) => {
        stream.write(bytes, (error) => (error ? failed(error) : done()));
      });
      return take();
    },
    async end() {
      const ended = once(stream, 'end');
      stream.end();
      await ended;
      return take();
    },
  };
}

/** Once: a second `init` would exchange the library's memory under whoever packs. */
let library: Promise<typeof import('@bokuweb/zstd-wasm')> | undefined;

async function loadLibrary(): Promise<typeof import('@bokuweb/zstd-wasm')> {
  const loaded = await import('@bokuweb/zstd-wasm');
  await loaded.init();
  return loaded;
}

async function zstd(): Promise<Packer> {
  library ??= loadLibrary();
  const { compress } = await library;
  let held: Buffer[] = [];
  let size = 0;
  let frames = 0;
  const frame = (): Uint8Array => {
    const bytes = Buffer.concat(held);
    held = [];
    size = 0;
    frames++;
    return compress(bytes, 3);
  };
  return {
    async push(bytes) {
      held.push(bytes);
      size += bytes.length;
      return size < FRAME ? new Uint8Array() : frame();
    },
    end: async () => (size > 0 || frames === 0 ? frame() : new Uint8Array()),
  };
}
