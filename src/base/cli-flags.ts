/** An option's name as the command line has it, without its dashes: `textOnly` is `text-only`. */
export function optionName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Options as flags for a shell, each behind a space; empty ones and false are left out. */
export function optionFlags(options: Readonly<Record<string, unknown>>): string {
  return Object.entries(options)
    .filter(([, value]) => value !== undefined && value !== false && value !== '')
    .map(([name, value]) => ` --${optionName(name)}${value === true ? '' : ` ${shellWord(optionText(value))}`}`)
    .join('');
}

/** A whole command: words and options, quoted for a shell. */
export function commandLine(words: readonly string[], options: Readonly<Record<string, unknown>> = {}): string {
  return `winnow ${words.map(shellWord).join(' ')}${optionFlags(options)}`;
}

/** A word for the shell: quoted where it has to be. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A value as the command line takes it: lists by commas, weights as NAME=NUMBER. */
function optionText(value: unknown): string {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  return (isMap ? Object.entries(value).map(([key, own]) => `${key}=${own}`) : [value].flat()).join(',');
}
