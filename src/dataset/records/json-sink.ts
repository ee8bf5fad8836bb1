import { dirname, join } from 'node:path';
import { type Output, openOutput } from './output.ts';
import type { Joiner, RecordSink } from './sink.ts';

/**
 * Records joined as JSON text into the main file (`-` is standard output) and the files that the joiner names beside
 * it.
 */
export async function openJsonSink(main: string, joiner: Joiner): Promise<RecordSink> {
  const paths = [main, ...(joiner.beside ?? []).map((name) => join(dirname(main), name))];
  const outputs: Output[] = [];
  const abort = async (): Promise<void> => {
    for (const output of outputs) await output.abort();
  };
  try {
    for (const path of paths) outputs.push(await openOutput(path));
  } catch (error) {
    await abort();
    throw error;
  }
  const put = async (texts: readonly string[]): Promise<void> => {
    for (const [file, text] of texts.entries()) await outputs[file]!.write(text);
  };
  return {
    write: (record) => put(joiner.add(record)),
    async finish() {
      await put(joiner.end());
      for (const output of outputs) await output.finish();
      return outputs;
    },
    abort,
  };
}
