import type { Quarantined } from '../../base/errors.ts';
import { type InputOptions, type Output, type OutputOptions, openInput, samplesOf, writeOutput } from './transform.ts';

export interface ConvertRequest extends InputOptions, OutputOptions {
  /** File or folder to read. */
  input: string;
  /** File or folder to write. */
  output: string;
}

export interface ConvertResult extends Output {
  input: string;
  from: string;
  /** Why the input was read as this format. */
  detected: string;
  /** Rows that could not be read, and are not in the output. */
  quarantined: readonly Quarantined[];
}

/**
 * Write a data set in another format, without a project.
 *
 * @throws WinnowError of opening (`FORMAT_UNKNOWN`, ...) and writing (`FORMAT_CANNOT_HOLD`, `OUTPUT_EXISTS`, ...);
 * `OUTPUT_IS_INPUT`
 */
export async function convertDataset(request: ConvertRequest): Promise<ConvertResult> {
  const dataset = await openInput(request.input, request, request);
  try {
    const written = await writeOutput(samplesOf(dataset, undefined, request), {
      ...request,
      out: request.output,
      like: dataset.format,
      inputs: [dataset],
      scope: dataset,
    });
    const { path, format, detected, quarantined } = dataset;
    return { ...written, input: path, from: format, detected, quarantined };
  } finally {
    await dataset.close();
  }
}
