import { distance } from 'fastest-levenshtein';

/** At most so many suggestions: a longer list is the list of everything. */
const MOST = 3;

/**
 * The candidates that a mistyped word may have meant, nearest first: within a third of its length in edits (at least
 * one, two for words of four letters and more), or begun by it. Case, dashes and underscores don't count.
 */
export function nearest(word: string, candidates: readonly string[]): string[] {
  const typed = simplified(word);
  if (typed === '') return [];
  const limit = Math.max(typed.length >= 4 ? 2 : 1, Math.floor(typed.length / 3));
  const ranked = [...new Set(candidates)]
    .map((candidate) => ({ candidate, edits: edits(typed, simplified(candidate)) }))
    .filter(({ edits }) => edits <= limit)
    .sort((a, b) => a.edits - b.edits);
  return ranked.slice(0, MOST).map(({ candidate }) => candidate);
}

/** `Did you mean "visnec"?` and a space behind it, or nothing where no candidate is near. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const found = nearest(word, candidates);
  return found.length === 0 ? '' : `Did you mean ${found.map((name) => `"${name}"`).join(' or ')}? `;
}

/** A word that a candidate begins with counts as one edit, so that it stands behind a misspelt whole word. */
function edits(typed: string, candidate: string): number {
  if (typed.length >= 3 && candidate !== typed && candidate.startsWith(typed)) return 1;
  if (candidate.length === typed.length && isSwap(typed, candidate)) return 1;
  return distance(typed, candidate);
}

/** Two neighbouring letters in the wrong order, which plain edit distance counts as two edits. */
function isSwap(a: string, b: string): boolean {
  const at = [...a].findIndex((letter, i) => letter !== b[i]);
  return at >= 0 && a[at] === b[at + 1] && a[at + 1] === b[at] && a.slice(at + 2) === b.slice(at + 2);
}

function simplified(word: string): string {
  return word.toLowerCase().replaceAll(/[-_\s]/g, '');
}
