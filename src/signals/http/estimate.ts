import { USUAL_IMAGE_TOKENS } from '../../cost/image-tokens/families.ts';
import type { Sample } from '../../dataset/sample.ts';
import type { LossParams } from '../measured/loss-params.ts';
import type { Estimate, SignalContext } from '../signal.ts';
import type { LocalChat } from './answers.ts';
import { type Ask, asksOf, shownImages, withoutImages } from './ask.ts';
import { connect } from './connect.ts';
import { serverSettings } from './options.ts';

const CHARACTERS_A_TOKEN = 4;

/**
 * Requests and prompt tokens that losses of some rows would take of a server, its check included. Sends none of them.
 */
export async function estimateRequests(
  params: LossParams,
  context: SignalContext,
  samples: AsyncIterable<Sample>,
): Promise<Estimate> {
  const connection = await connect(params, context);
  const local = await connection.local?.();
  let rows = 0;
  let requests = 0;
  let tokens = 0;
  for await (const sample of samples) {
    rows++;
    for (const ask of asksOf(sample.messages)) {
      const shown = shownImages(ask).length;
      const withImages = shown === 0 ? 0 : 1 + Number(params.blind.includes('http-grey'));
      const passes = shown === 0 ? 1 : 1 + params.blind.length;
      requests += passes;
      // SGLang counts a prompt with images before it scores it; vLLM is asked where answers are.
      if (connection.kind === 'sglang') requests += withImages;
      else if (local === undefined)
        requests += 1 + 2 * ask.turns.length - Number(ask.turns.includes(ask.messages.length - 1));
      tokens += passes * textTokens(withoutImages(ask), local) + withImages * shown * USUAL_IMAGE_TOKENS;
    }
  }
  const withCheck = rows === 0 ? 0 : 1 + (2 * Math.min(serverSettings(params).selfCheck, context.dataset.rows)) / rows;
  return {
    requests: Math.round(requests * withCheck),
    promptTokens: Math.round(tokens * withCheck),
    assumed: `${local === undefined ? `${CHARACTERS_A_TOKEN} characters a token, ` : ''}${USUAL_IMAGE_TOKENS} tokens an image`,
  };
}

function textTokens(ask: Ask, local: LocalChat | undefined): number {
  if (local !== undefined) return tokensOr0(() => local.answers(ask).ids.length);
  const characters = ask.messages.flatMap(({ parts }) =>
    parts.map((part) => (part.type === 'text' ? part.text.length : 0)),
  );
  return characters.reduce((sum, length) => sum + length, 0) / CHARACTERS_A_TOKEN;
}

/** A row that can't be tokenised is left out when it is scored. */
function tokensOr0(count: () => number): number {
  try {
    return count();
  } catch {
    return 0;
  }
}
