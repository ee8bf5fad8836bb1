/** A kind of file that stands among media. The one table of them: every other place asks here. */
export interface MediaType {
  name: string;
  kind: 'image' | 'video' | 'other';
  /** In lower case, with dot; the first is what a file gets that is named by its content. */
  extensions: readonly string[];
  /** The registered one first, then others in use. */
  mimes: readonly string[];
  /** Who can decode it: Winnow and Pillow, Pillow alone, or nobody that trains. @default 'all' */
  readers?: 'pillow' | 'none';
  /** Whether a file begins like this; `head` has its first bytes as Latin-1. */
  begins(head: string): boolean;
}

/** First bytes that {@link mediaTypeOf} looks at, where the file has that many. */
export const HEAD_BYTES = 512;

const mark =
  (...marks: readonly string[]) =>
  (head: string): boolean =>
    marks.some((bytes) => head.startsWith(bytes));

/** Major and compatible brands of an ISO base media file: `ftyp` boxes of HEIC, AVIF, MP4 and QuickTime. */
function brandsOf(head: string): string[] {
  if (!head.startsWith('ftyp', 4)) return [];
  const length = Buffer.from(head.slice(0, 4), 'latin1').readUInt32BE();
  const compatible = head.slice(16, Math.min(length, HEAD_BYTES)).match(/[\s\S]{4}/g) ?? [];
  return [head.slice(8, 12), ...compatible];
}

/** `mif1` and `msf1` say that it is an image of the HEIF kind, and leave its codec to the compatible brands. */
function isHeif(head: string, codec: RegExp): boolean {
  const [major, ...others] = brandsOf(head);
  if (major === undefined) return false;
  return codec.test(major) || (/^m[is]f1$/.test(major) && others.some((brand) => codec.test(brand)));
}

const AVIF_BRAND = /^avi[fs]$/;
const HEIC_BRAND = /^(hei[cxms]|hev[cxms])$/;
const isMatroska = mark('\x1a\x45\xdf\xa3');
const isWebm = (head: string): boolean => isMatroska(head) && /\x42\x82[\s\S]{1,8}webm/.test(head);
const words = (head: string): string => head.replace(/^(\xef\xbb\xbf)?\s*/, '').toLowerCase();
const BMP_HEADERS = [12, 16, 40, 52, 56, 64, 108, 124];

/** In the order in which their first bytes are compared. */
const TYPES: readonly MediaType[] = [
  {
    name: 'JPEG',
    kind: 'image',
    extensions: ['.jpg', '.jpeg', '.jpe', '.jfif', '.mpo', '.thm'],
    mimes: ['image/jpeg', 'image/jpg', 'image/pjpeg'],
    begins: mark('\xff\xd8\xff'),
  },
  {
    name: 'PNG',
    kind: 'image',
    extensions: ['.png', '.apng'],
    mimes: ['image/png', 'image/apng', 'image/x-png'],
    begins: mark('\x89PNG\r\n\x1a\n'),
  },
  { name: 'GIF', kind: 'image', extensions: ['.gif'], mimes: ['image/gif'], begins: mark('GIF87a', 'GIF89a') },
  {
    name: 'WebP',
    kind: 'image',
    extensions: ['.webp'],
    mimes: ['image/webp'],
    begins: (head) => head.startsWith('RIFF') && head.startsWith('WEBP', 8),
  },
  {
    name: 'AVI',
    kind: 'video',
    extensions: ['.avi'],
    mimes: ['video/x-msvideo', 'video/avi', 'video/msvideo'],
    begins: (head) => head.startsWith('RIFF') && head.startsWith('AVI ', 8),
  },
  {
    name: 'TIFF',
    kind: 'image',
    extensions: ['.tif', '.tiff', '.dng'],
    mimes: ['image/tiff'],
    begins: mark('II*\0', 'MM\0*', 'II+\0', 'MM\0+'),
  },
  {
    name: 'AVIF',
    kind: 'image',
    extensions: ['.avif', '.avifs'],
    mimes: ['image/avif', 'image/avif-sequence'],
    begins: (head) => isHeif(head, AVIF_BRAND),
  },
  {
    name: 'HEIC',
    kind: 'image',
    extensions: ['.heic', '.heif', '.hif'],
    mimes: ['image/heic', 'image/heif', 'image/heic-sequence', 'image/heif-sequence'],
    readers: 'none',
    begins: (head) => isHeif(head, HEIC_BRAND) || /^m[is]f1$/.test(brandsOf(head)[0] ?? ''),
  },
  {
    name: 'QuickTime',
    kind: 'video',
    extensions: ['.mov', '.qt'],
    mimes: ['video/quicktime'],
    begins: (head) => brandsOf(head)[0] === 'qt  ' || ['moov', 'mdat', 'wide'].includes(head.slice(4, 8)),
  },
  {
    name: 'MP4',
    kind: 'video',
    extensions: ['.mp4', '.m4v', '.3gp'],
    mimes: ['video/mp4', 'video/x-m4v', 'video/3gpp'],
    begins: (head) => head.startsWith('ftyp', 4),
  },
  { name: 'WebM', kind: 'video', extensions: ['.webm'], mimes: ['video/webm'], begins: isWebm },
  {
    name: 'Matroska',
    kind: 'video',
    extensions: ['.mkv'],
    mimes: ['video/matroska', 'video/x-matroska'],
    begins: isMatroska,
  },
  {
    name: 'JPEG 2000',
    kind: 'image',
    extensions: ['.jp2', '.j2k', '.jpx'],
    mimes: ['image/jp2', 'image/jpx'],
    readers: 'pillow',
    begins: mark('\0\0\0\x0cjP  ', '\xff\x4f\xff\x51'),
  },
  {
    name: 'JPEG XL',
    kind: 'image',
    extensions: ['.jxl'],
    mimes: ['image/jxl'],
    readers: 'none',
    begins: mark('\xff\x0a', '\0\0\0\x0cJXL '),
  },
  {
    name: 'PSD',
    kind: 'image',
    extensions: ['.psd'],
    mimes: ['image/vnd.adobe.photoshop'],
    readers: 'pillow',
    begins: mark('8BPS'),
  },
  {
    name: 'ICO',
    kind: 'image',
    extensions: ['.ico'],
    mimes: ['image/vnd.microsoft.icon', 'image/x-icon'],
    readers: 'pillow',
    begins: mark('\0\0\x01\0'),
  },
  {
    name: 'BMP',
    kind: 'image',
    extensions: ['.bmp', '.dib'],
    mimes: ['image/bmp', 'image/x-ms-bmp', 'image/x-bmp'],
    // Two letters begin many texts: a length of the header that is in use tells.
    begins: (head) =>
      head.startsWith('BM') &&
      head.length >= 26 &&
      BMP_HEADERS.includes(Buffer.from(head.slice(14, 18), 'latin1').readUInt32LE()),
  },
  {
    name: 'PNM',
    kind: 'image',
    extensions: ['.ppm', '.pgm', '.pbm', '.pnm'],
    mimes: ['image/x-portable-anymap', 'image/x-portable-pixmap', 'image/x-portable-graymap'],
    readers: 'pillow',
    begins: (head) => /^P[1-6]\s+(#[^\n]*\n\s*)*\d+\s+(#[^\n]*\n\s*)*\d+\s/.test(head),
  },
  { name: 'PDF', kind: 'other', extensions: ['.pdf'], mimes: ['application/pdf'], begins: mark('%PDF-') },
  { name: 'ZIP archive', kind: 'other', extensions: ['.zip'], mimes: ['application/zip'], begins: mark('PK\x03\x04') },
  {
    name: 'gzip file',
    kind: 'other',
    extensions: ['.gz', '.tgz'],
    mimes: ['application/gzip'],
    begins: mark('\x1f\x8b'),
  },
  {
    name: 'HTML page',
    kind: 'other',
    extensions: ['.html', '.htm'],
    mimes: ['text/html'],
    begins: (head) => /^(<!doctype html|<html|<head)/.test(words(head)),
  },
  {
    name: 'SVG',
    kind: 'image',
    extensions: ['.svg'],
    mimes: ['image/svg+xml'],
    readers: 'none',
    begins: (head) => /^(<\?xml[^>]*>\s*)?(<!--[\s\S]*?-->\s*)?(<!doctype svg[^>]*>\s*)?<svg/.test(words(head)),
  },
];

/** What a file is by its first bytes; undefined where nothing that is known begins like this. */
export function mediaTypeOf(bytes: Uint8Array): MediaType | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, HEAD_BYTES)).toString('latin1');
  return TYPES.find((type) => type.begins(head));
}

/** What a name's extension (with dot, in any case) promises; undefined where it means nothing (`.img`, `.bin`). */
export function mediaTypeNamed(extension: string): MediaType | undefined {
  return TYPES.find((type) => type.extensions.includes(extension.toLowerCase()));
}

/** What a MIME type promises, whatever its parameters. */
export function mediaTypeOfMime(mime: string): MediaType | undefined {
  const plain = mime.split(';')[0]!.trim().toLowerCase();
  return TYPES.find((type) => type.mimes.includes(plain));
}

/** The extension (with dot) that a medium's first bytes ask for; undefined where they are no image's and no video's. */
export function mediaExtension(bytes: Uint8Array): string | undefined {
  const type = mediaTypeOf(bytes);
  return type === undefined || type.kind === 'other' ? undefined : type.extensions[0];
}

/** Whether a file of that extension (with dot) holds an image or a video, by its name alone. */
export function mediaKind(extension: string): 'image' | 'video' | undefined {
  const kind = mediaTypeNamed(extension)?.kind;
  return kind === 'other' ? undefined : kind;
}

/** A medium as a data URI, typed by its content; where that isn't known, by the extension of its name. */
export function dataUriOf(bytes: Uint8Array, extension = ''): string {
  const type = mediaTypeOf(bytes) ?? mediaTypeNamed(extension);
  return `data:${type?.mimes[0] ?? 'application/octet-stream'};base64,${Buffer.from(bytes).toString('base64')}`;
}
