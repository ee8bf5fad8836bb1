import { WinnowError } from '../base/errors.ts';
import { type Answer, serverMessage } from './endpoint.ts';

/** The fault of a request that the server understood and would not do: of this row alone. */
export function refused(answer: Answer): WinnowError {
  const said = serverMessage(answer);
  const isTooLong =
    /context length|max_model_len|maximum (model|context)|too long|longer than|exceeds? the (model|max)/i.test(said);
  return new WinnowError({
    code: isTooLong ? 'TOO_LONG' : 'REQUEST_REFUSED',
    message: `The server refuses the row (HTTP ${answer.status}): ${said}`,
    hint: isTooLong ? 'Serve the model with a larger --max-model-len, or drop the row.' : 'Fix or drop the row.',
  });
}
