/** What can be wrong with an answer's words (D206). */

/** An assistant that speaks of itself, or refuses; whole phrases, so that an airline or a sorry customer is none. */
const REFUSALS: readonly RegExp[] = [
  /\bas an? (?:ai|a\.i\.|artificial intelligence|(?:large )?language model|llm)\b/i,
  /\bi(?:'|\u2019)?m (?:just )?an? (?:ai|large language model|language model)\b/i,
  /\bi am (?:just )?an? (?:ai|large language model|language model)\b/i,
  /\bi(?:(?:'|\u2019)m| am) (?:very |really |so )?sorry,? (?:but )?i (?:can(?:'|\u2019)?t|cannot|can not|am (?:not able|unable)|(?:'|\u2019)m (?:not able|unable)|won(?:'|\u2019)t)\b/i,
  /\bi (?:can(?:'|\u2019)?t|cannot|can not|won(?:'|\u2019)t) (?:assist|help|comply|fulfil+|provide (?:that|this|assistance)|engage|do that|answer that|see (?:any |the )?images?|view (?:any |the )?images?|process images?)\b/i,
  /\bi(?:(?:'|\u2019)m| am) (?:not able|unable) to (?:assist|help|comply|fulfil+|view|see|process|provide (?:that|this|assistance))\b/i,
  /\b(?:sorry|apologi[sz]e|apologies),? (?:but )?i (?:can(?:'|\u2019)?t|cannot|am (?:not able|unable)|(?:'|\u2019)m (?:not able|unable))\b/i,
  /\bi(?:(?:'|\u2019)m| am)? (?:can(?:'|\u2019)?t|cannot|not able to|unable to) (?:identify|recogni[sz]e) (?:the |any |this |these |real )?(?:people|persons?|individuals?|faces?)\b/i,
  /\bi do(?:n(?:'|\u2019)t| not) have (?:the (?:ability|capability) to|access to) (?:see|view|process|the|any)?\s*images?\b/i,
];

/** Without one of these words no refusal can match: most answers have none. */
const HINT = /\b(?:ai|a\.i|artificial|language|llm|sorry|apolog\w+|can|cannot|won|unable|able|not|don)\b/i;

export function refusal(text: string): string | undefined {
  if (!HINT.test(text)) return undefined;
  for (const pattern of REFUSALS) {
    const match = pattern.exec(text);
    if (match !== null) return match[0];
  }
  return undefined;
}

/** Longest phrase whose repetition is looked for, in words. */
const LONGEST = 24;
/** How often a phrase must follow itself, and how many words that must make. */
const TIMES = 4;
const WORDS = 8;
/**
 * Letters of a run without spaces: how long the part may be that repeats itself, and how many letters that must make.
 */
const LONGEST_PART = 12;
const LETTERS = 32;
const UNSPACED = new RegExp(`\\S{${LETTERS},}`, 'gu');

/**
 * A phrase that follows itself again and again, as a model does that is caught in a loop; numbers alone (tables) are
 * none.
 */
export function loop(text: string): string | undefined {
  if (text.length < 2 * WORDS) return undefined;
  const unspaced = letterLoop(text);
  if (unspaced !== undefined) return unspaced;
  const words = text.split(/\s+/).filter((word) => word !== '');
  // Where most words are different, nothing that fills a part of the text can be a loop.
  if (words.length < WORDS || new Set(words).size > words.length * 0.8) return undefined;
  for (let period = 1; period <= LONGEST; period++) {
    let run = 0;
    for (let at = period; at < words.length; at++) {
      run = words[at] === words[at - period] ? run + 1 : 0;
      if (run < period * (TIMES - 1) || run + period < WORDS) continue;
      const phrase = words.slice(at - period + 1, at + 1).join(' ');
      if (/\p{L}{2}/u.test(phrase)) return phrase;
    }
  }
  return undefined;
}

/** The same without spaces between the words: `aaaa...`, or a phrase of a script that has none. */
function letterLoop(text: string): string | undefined {
  for (const [letters] of text.matchAll(UNSPACED)) {
    for (let period = 1; period <= LONGEST_PART; period++) {
      let run = 0;
      for (let at = period; at < letters.length; at++) {
        run = letters[at] === letters[at - period] ? run + 1 : 0;
        if (run + period < LETTERS) continue;
        const part = letters.slice(at - period + 1, at + 1);
        if (/\p{L}/u.test(part)) return part;
      }
    }
  }
  return undefined;
}
