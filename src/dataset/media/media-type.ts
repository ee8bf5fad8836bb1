/** First bytes by which media are known; `at` is where they stand. */
const MAGIC: readonly { extension: string; at: number; bytes: string }[] = [
  { extension: '.jpg', at: 0, bytes: 'ffd8ff' },
  { extension: '.png', at: 0, bytes: '89504e470d0a1a0a' },
  { extension: '.gif', at: 0, bytes: '47494638' },
  { extension: '.webp', at: 8, bytes: '57454250' },
  { extension: '.bmp', at: 0, bytes: '424d' },
  { extension: '.tif', at: 0, bytes: '49492a00' },
  { extension: '.tif', at: 0, bytes: '4d4d002a' },
  { extension: '.avif', at: 4, bytes: '6674797061766966' },
  { extension: '.mp4', at: 4, bytes: '66747970' },
  { extension: '.webm', at: 0, bytes: '1a45dfa3' },
];

const IMAGE = /^\.(jpe?g|jfif|png|webp|gif|bmp|tiff?|avif)$/i;
const VIDEO = /^\.(mp4|webm|mov|mkv|avi|m4v)$/i;

/** The extension (with dot) that a medium's first bytes ask for; undefined where they are no image's and no video's. */
export function mediaExtension(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(16, bytes.length)).toString('hex');
  return MAGIC.find(({ at, bytes: magic }) => head.startsWith(magic, at * 2))?.extension;
}

/** What a file of that extension (with dot) holds, by its name alone. */
export function mediaKind(extension: string): 'image' | 'video' | undefined {
  if (IMAGE.test(extension)) return 'image';
  return VIDEO.test(extension) ? 'video' : undefined;
}
