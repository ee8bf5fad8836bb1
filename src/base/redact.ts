/** Letters of a key in a row that give it away. */
const TELLING = 8;
const MARK = '***';
/** Longer texts (log-probabilities of whole prompts) are looked through more quickly. */
export const LONG = 65_536;

/**
 * Text without a secret: as it is, in base64 (alone or behind "Bearer "), URL-encoded, in hex, escaped in JSON, in
 * other case, and in pieces of eight letters or more, as a server that echoes what it was sent would show it.
 */
export function redactor(secret: string | undefined): (text: string) => string {
  if (secret === undefined || secret === '') return (text) => text;
  const pieces = new Set<string>();
  let length = TELLING;
  for (const form of formsOf(secret)) length = Math.min(length, form.length);
  for (const form of formsOf(secret)) {
    for (let at = 0; at + length <= form.length; at++) pieces.add(form.slice(at, at + length).toLowerCase());
  }
  /** In a long text a whole key shows at every eighth letter. */
  const mayShow = (text: string): boolean => {
    for (let at = 0; at + length <= text.length; at += length) if (pieces.has(text.slice(at, at + length))) return true;
    return false;
  };
  return (text) => {
    if (text.length > LONG && !mayShow(text.toLowerCase())) return text;
    const small = text.toLowerCase();
    // A few letters change their length with their case; such a text is searched as it stands.
    const searched = small.length === text.length ? small : text;
    let out = '';
    let done = 0;
    for (let at = 0; at + length <= searched.length; at++) {
      if (!pieces.has(searched.slice(at, at + length))) continue;
      let end = at + length;
      while (end < searched.length && pieces.has(searched.slice(end - length + 1, end + 1))) end++;
      out += text.slice(done, at) + MARK;
      done = end;
      at = end - 1;
    }
    return out + text.slice(done);
  };
}

/** A value as JSON has it, with every text in it (and every key) passed through `change`. */
export function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((one) => mapTexts(one, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, own]) => [change(key), mapTexts(own, change)]));
}

function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  // A secret may begin at any of three places of a base64 group; what its neighbours decide is left out.
  const encoded = [0, 1, 2].map((lead) => {
    const text = Buffer.concat([Buffer.alloc(lead), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const sure = Math.floor(((lead + bytes.length) * 8) / 6);
    return text.slice(lead === 0 ? 0 : lead + 1, sure);
  });
  const urlSafe = encoded.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'));
  const forms = [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    bytes.toString('hex'),
    ...encoded,
    ...urlSafe,
  ];
  return [...new Set(forms)].filter((form, i) => form.length >= TELLING || i === 0);
}
