import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { ownEscape } from '../base/terminal-text.ts';

/** How a terminal shows pictures: kitty's protocol, iTerm2's, or not at all. */
export type Graphics = 'kitty' | 'iterm2' | 'none';

/**
 * What the terminal can, by the environment it sets. Inside tmux and screen pictures don't pass.
 * Sources: kitty's graphics protocol (kitty, Ghostty), iTerm2's inline images (iTerm2, WezTerm, VS Code, mintty).
 */
export function graphicsOf(env: Readonly<Record<string, string | undefined>>, isTerminal: boolean): Graphics {
  if (!isTerminal || env.TMUX !== undefined || /^(screen|tmux|dumb)/.test(env.TERM ?? '')) return 'none';
  if (env.KITTY_WINDOW_ID !== undefined || /kitty|ghostty/.test(env.TERM ?? '')) return 'kitty';
  if (env.TERM_PROGRAM === 'ghostty') return 'kitty';
  if (/^(iTerm\.app|WezTerm|vscode|mintty)$/.test(env.TERM_PROGRAM ?? '') || env.LC_TERMINAL === 'iTerm2')
    return 'iterm2';
  return 'none';
}

const CHUNK = 4096;

/** A PNG as the escape sequence that draws it. */
export function picture(png: Uint8Array, graphics: Exclude<Graphics, 'none'>): string {
  const base64 = Buffer.from(png).toString('base64');
  if (graphics === 'iterm2') return ownEscape(`\u001b]1337;File=inline=1;size=${png.length}:${base64}\u0007`);
  const chunks = base64.match(new RegExp(`.{1,${CHUNK}}`, 'g')) ?? [];
  const sequences = chunks
    .map((chunk, i) => {
      const more = i < chunks.length - 1 ? 1 : 0;
      return `\u001b_G${i === 0 ? 'a=T,f=100,' : ''}m=${more};${chunk}\u001b\\`;
    })
    .join('');
  return ownEscape(sequences);
}

/** A path that terminals open at a click (OSC 8); plain where the text goes elsewhere. */
export function fileLink(path: string, isTerminal: boolean): string {
  if (!isTerminal) return path;
  const url = ownEscape(`\u001b]8;;${pathToFileURL(path).href}\u001b\\`);
  return `${url}${path}${ownEscape('\u001b]8;;\u001b\\')}`;
}

/** The image within `edge` pixels as PNG; undefined where it can't be decoded. */
export async function smallPng(source: string | Uint8Array, edge: number): Promise<Uint8Array | undefined> {
  try {
    const { openSharp } = await import('../dataset/media/open-image.ts');
    const bytes = typeof source === 'string' ? await readFile(source) : source;
    const image = (await openSharp(bytes, { failOn: 'error', limitInputPixels: 178_956_970 })).rotate();
    return await image.resize(edge, edge, { fit: 'inside', withoutEnlargement: true }).png().toBuffer();
  } catch {
    return undefined;
  }
}
