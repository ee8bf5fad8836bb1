import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

type Values = Float32Array | Int32Array | BigInt64Array;

const TYPES: readonly (readonly [string, new (buffer: ArrayBuffer) => Values])[] = [
  ['<f4', Float32Array],
  ['<i4', Int32Array],
  ['<i8', BigInt64Array],
];

/** NumPy's file of one array, version 1.0, rows first. */
export function writeNpy(path: string, data: Values, shape: readonly number[]): void {
  const type = TYPES.find(([, kind]) => data instanceof kind)![0];
  const about = `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  const header = Buffer.alloc(Math.ceil((about.length + 11) / 64) * 64, ' ');
  header.write('\x93NUMPY\x01\x00', 'latin1');
  header.writeUInt16LE(header.length - 10, 8);
  header.write(about, 10);
  header[header.length - 1] = 0x0a;
  const file = openSync(path, 'w');
  writeSync(file, header);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, Math.min(1 << 28, bytes.length - at));
  closeSync(file);
}

/** The numbers of such a file. */
export function readNpy(path: string): Values {
  const file = readFileSync(path);
  const start = 10 + file.readUInt16LE(8);
  const about = file.toString('latin1', 10, start);
  const type = TYPES.find(([name]) => about.includes(`'${name}'`));
  if (type === undefined) throw new Error(`${path}: ${about}`);
  return new type[1](file.buffer.slice(file.byteOffset + start, file.byteOffset + file.length) as ArrayBuffer);
}
