/** A command in a text: it is copied as one, and so stays on one line. */
const COMMAND = /\bwinnow(?: (?:[\w=%:/@<>-]+(?:\.[\w=%:/@<>-]+)*|"[^"\n]*"|'[^'\n]*'))+/g;
/** Takes the place of a space that no line may break at; texts hold no such character. */
const HELD = '\u0001';
/** Pictures and links of terminals, and lines that were laid out as a table. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they begin a terminal's own sequences
const DRAWN = /\u001b[\]_P]|^\s*[-─]{3,}| {2}\S.* {2}\S/;

/**
 * A text for a terminal of a width: lines that are longer are broken between words, further lines indented as the
 * first. Words longer than a line (paths) and commands stay whole.
 */
export async function wrapText(text: string, width: number): Promise<string> {
  if (!Number.isFinite(width)) return text;
  const lines = text.split('\n');
  if (lines.every((line) => line.length <= width && isPlain(line))) return text;
  const [{ default: wrapAnsi }, { default: stringWidth }] = await Promise.all([
    import('wrap-ansi'),
    import('string-width'),
  ]);
  return lines
    .flatMap((line) => {
      if (stringWidth(line) <= width || DRAWN.test(line)) return [line];
      const indent = /^\s*/.exec(line)?.[0] ?? '';
      const further = indent.length + 2 < width / 2 ? `${indent}  ` : '';
      const held = line.trimStart().replace(COMMAND, (command) => command.replaceAll(' ', HELD));
      const broken = wrapAnsi(held, Math.max(8, width - further.length), { trim: true });
      return broken
        .replaceAll(HELD, ' ')
        .split('\n')
        .map((part, i) => (i === 0 ? indent : further) + part);
    })
    .join('\n');
}

/** Without characters that take two columns or none. */
function isPlain(line: string): boolean {
  return !/[^\u0020-\u02ff\u2000-\u206f]/.test(line);
}
