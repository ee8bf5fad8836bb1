/** What the first bytes of a file say that it is. `container`: `image`, `video`, or neither. */
export interface Magic {
  name: string;
  kind: 'image' | 'video' | 'other';
  /** Extensions that fit, in lower case; the first is what a mended file gets. */
  extensions: readonly string[];
  /** Who can decode it: Winnow and Pillow, Pillow alone, or nobody that trains. @default 'all' */
  readers?: 'pillow' | 'none';
}

const JPEG: Magic = { name: 'JPEG', kind: 'image', extensions: ['.jpg', '.jpeg', '.jpe', '.jfif', '.mpo', '.thm'] };
const PNG: Magic = { name: 'PNG', kind: 'image', extensions: ['.png', '.apng'] };
const GIF: Magic = { name: 'GIF', kind: 'image', extensions: ['.gif'] };
const WEBP: Magic = { name: 'WebP', kind: 'image', extensions: ['.webp'] };
const TIFF: Magic = { name: 'TIFF', kind: 'image', extensions: ['.tif', '.tiff', '.dng'] };
const BMP: Magic = { name: 'BMP', kind: 'image', extensions: ['.bmp', '.dib'], readers: 'pillow' };
const AVIF: Magic = { name: 'AVIF', kind: 'image', extensions: ['.avif', '.avifs'] };
const HEIC: Magic = { name: 'HEIC', kind: 'image', extensions: ['.heic', '.heif', '.hif'], readers: 'none' };
const JP2: Magic = { name: 'JPEG 2000', kind: 'image', extensions: ['.jp2', '.j2k', '.jpx'], readers: 'pillow' };
const JXL: Magic = { name: 'JPEG XL', kind: 'image', extensions: ['.jxl'], readers: 'none' };
const ICO: Magic = { name: 'ICO', kind: 'image', extensions: ['.ico'], readers: 'pillow' };
const PSD: Magic = { name: 'PSD', kind: 'image', extensions: ['.psd'], readers: 'pillow' };
const PNM: Magic = { name: 'PNM', kind: 'image', extensions: ['.ppm', '.pgm', '.pbm', '.pnm'], readers: 'pillow' };
const SVG: Magic = { name: 'SVG', kind: 'image', extensions: ['.svg'], readers: 'none' };
const MP4: Magic = { name: 'MP4', kind: 'video', extensions: ['.mp4', '.mov', '.m4v', '.3gp', '.qt'] };
const MATROSKA: Magic = { name: 'Matroska', kind: 'video', extensions: ['.mkv', '.webm'] };
const AVI: Magic = { name: 'AVI', kind: 'video', extensions: ['.avi'] };
const HTML: Magic = { name: 'HTML page', kind: 'other', extensions: ['.html', '.htm'] };
const PDF: Magic = { name: 'PDF', kind: 'other', extensions: ['.pdf'] };
const ZIP: Magic = { name: 'ZIP archive', kind: 'other', extensions: ['.zip'] };
const GZIP: Magic = { name: 'gzip file', kind: 'other', extensions: ['.gz', '.tgz'] };

const KNOWN = [JPEG, PNG, GIF, WEBP, TIFF, BMP, AVIF, HEIC, JP2, JXL, ICO, PSD, PNM, SVG, MP4, MATROSKA, AVI];

/** Bytes that have to be given to `magicOf`, where the file has that many. */
export const MAGIC_BYTES = 512;

/** What a file is by its first bytes; undefined where nothing that is known begins like this. */
export function magicOf(head: Uint8Array): Magic | undefined {
  const text = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, MAGIC_BYTES)).toString('latin1');
  const at = (offset: number, mark: string) => text.startsWith(mark, offset);
  if (at(0, '\xff\xd8\xff')) return JPEG;
  if (at(0, '\x89PNG\r\n\x1a\n')) return PNG;
  if (at(0, 'GIF87a') || at(0, 'GIF89a')) return GIF;
  if (at(0, 'RIFF')) return at(8, 'WEBP') ? WEBP : at(8, 'AVI ') ? AVI : undefined;
  if (at(0, 'II*\0') || at(0, 'MM\0*') || at(0, 'II+\0') || at(0, 'MM\0+')) return TIFF;
  if (at(4, 'ftyp')) return brandOf(text.slice(8, 12));
  if (at(4, 'moov') || at(4, 'mdat') || at(4, 'wide')) return MP4;
  if (at(0, '\x1a\x45\xdf\xa3')) return MATROSKA;
  if (at(0, '\0\0\0\x0cjP  ') || at(0, '\xff\x4f\xff\x51')) return JP2;
  if (at(0, '\xff\x0a') || at(0, '\0\0\0\x0cJXL ')) return JXL;
  if (at(0, '8BPS')) return PSD;
  if (at(0, '\0\0\x01\0')) return ICO;
  if (at(0, '%PDF-')) return PDF;
  if (at(0, 'PK\x03\x04')) return ZIP;
  if (at(0, '\x1f\x8b')) return GZIP;
  if (at(0, 'BM') && head.length >= 26) return BMP;
  if (/^P[1-6]\s/.test(text)) return PNM;
  const words = text.replace(/^(\xef\xbb\xbf)?\s*/, '').toLowerCase();
  if (/^(<!doctype html|<html|<head)/.test(words)) return HTML;
  if (/^(<\?xml[^>]*>\s*)?(<!--[\s\S]*?-->\s*)?(<!doctype svg[^>]*>\s*)?<svg/.test(words)) return SVG;
  return undefined;
}

function brandOf(brand: string): Magic {
  if (/^avi[fs]/.test(brand)) return AVIF;
  return /^(heic|heix|heim|heis|hevc|hevx|mif1|msf1)/.test(brand) ? HEIC : MP4;
}

/** What an extension (with its dot) promises; undefined where it means nothing (`.img`, `.bin`). */
export function promisedBy(extension: string): Magic | undefined {
  return KNOWN.find((magic) => magic.extensions.includes(extension.toLowerCase()));
}
