const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/**
 * A key that stands twice in one object of a record (valid JSON), or undefined. Cheap where there is none: the keys in
 * the text are counted and compared with those of the parsed value, and only a difference is looked into.
 */
export function duplicateKey(bytes: Uint8Array, value: unknown): string | undefined {
  let inText = 0;
  walk(bytes, { key: () => inText++ });
  return inText === countKeys(value) ? undefined : firstTwice(bytes);
}

function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let keys = 0;
  if (Array.isArray(value)) for (const item of value) keys += countKeys(item);
  else for (const item of Object.values(value)) keys += 1 + countKeys(item);
  return keys;
}

function firstTwice(bytes: Uint8Array): string | undefined {
  const open: Set<string>[] = [];
  let found: string | undefined;
  walk(bytes, {
    open: () => open.push(new Set()),
    close: () => open.pop(),
    key(start, end) {
      const name = JSON.parse(Buffer.from(bytes.subarray(start, end)).toString('utf8')) as string;
      if (open.at(-1)?.has(name)) found ??= name;
      open.at(-1)?.add(name);
    },
  });
  return found;
}

interface Visitor {
  open?(): void;
  close?(): void;
  /** A key with its quotes, `[start, end)`. */
  key(start: number, end: number): void;
}

/** Brackets and keys of valid JSON in order. A string is a key if a colon follows. */
function walk(bytes: Uint8Array, visitor: Visitor): void {
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === OPEN) visitor.open?.();
    else if (byte === CLOSE) visitor.close?.();
    else if (byte === QUOTE) {
      const start = at;
      at = closing(bytes, at + 1);
      let next = at + 1;
      while (bytes[next] === 0x20 || bytes[next] === 0x0a || bytes[next] === 0x0d || bytes[next] === 0x09) next++;
      if (bytes[next] === COLON) visitor.key(start, at + 1);
    }
  }
}

/** Index of the quote that closes a string whose body begins at `from`. */
function closing(bytes: Uint8Array, from: number): number {
  for (let body = from; ; ) {
    const quote = bytes.indexOf(QUOTE, body);
    if (quote < 0) return bytes.length;
    let run = quote;
    while (run > from && bytes[run - 1] === BACKSLASH) run--;
    if ((quote - run) % 2 === 0) return quote;
    body = quote + 1;
  }
}
