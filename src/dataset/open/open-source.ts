import { WinnowError } from '../../base/errors.ts';
import type { Format, Probe } from '../format.ts';
import { detectFormat, formatNamed, takes } from '../formats/detect.ts';
import { formats } from '../formats/registry.ts';
import type { DecompressedFile } from '../records/decompress.ts';
import { listedSource } from '../records/folder-source.ts';
import { openJsonSource } from '../records/json-source.ts';
import type { OpenContext, RecordSource } from '../records/source.ts';
import type { Located } from './locate.ts';
import { probePath } from './probe.ts';

/**
 * What the file is and its records, by the format that was told, registered, or is surest of it. Throws
 * `FORMAT_UNKNOWN`, `FORMAT_MISFIT`.
 */
export async function openSource(
  plain: DecompressedFile,
  located: Located,
  told: string | undefined,
  context: OpenContext,
  options: Readonly<Record<string, unknown>>,
): Promise<{ probe: Probe; source: RecordSource; format: Format; detected: string }> {
  const { probe, shape, notJson } = probePath(plain.path, located.path);
  const { format, detected } = chooseFormat(told, located, probe, notJson);
  const about = {
    probe,
    format,
    detected: plain.compression === undefined ? detected : `${detected}; compressed with ${plain.compression}`,
  };
  if (format.listFolder !== undefined && probe.isFolder) {
    const { records, says } = await format.listFolder(located.path, options);
    const told = says === undefined ? '' : `; ${says}`;
    return { ...about, detected: about.detected + told, source: listedSource(records) };
  }
  // A container is known by itself: what stands in its records is the format's to say.
  const container =
    shape === undefined && !format.openSource
      ? formats.find((item) => item.holdsMedia && item.sniff(probe).confidence > 0)
      : format;
  if (container?.openSource !== undefined) {
    const source = await container.openSource(probe, options, located.path, context);
    const says = source.says === undefined ? '' : `; ${source.says}`;
    return { ...about, detected: about.detected + says, source };
  }
  if (shape === undefined) throw notJson;
  return { ...about, source: openJsonSource(plain.path, shape) };
}

function chooseFormat(
  given: string | undefined,
  registered: Located,
  probe: Probe,
  notJson: WinnowError | undefined,
): { format: Format; detected: string } {
  const { because } = registered;
  const container = CONTAINERS[probe.isFolder ? 'folder' : probe.container];
  const named = given ?? registered.format;
  if (named === undefined) {
    const found = detectFormat(probe, notJson);
    const place = because === undefined ? '' : ` (${because})`;
    return { format: found.format, detected: `detected ${found.format.title}: ${container}, ${found.because}${place}` };
  }
  const format = formatNamed(named);
  if (!takes(format, probe)) {
    throw new WinnowError({
      code: 'FORMAT_MISFIT',
      message: `Format "${format.name}" reads ${format.container === 'folder' ? 'a folder' : 'a file'}, and this is ${probe.isFolder ? 'a folder' : 'a file'}.`,
      where: { file: registered.path },
      hint: 'Give another path or another --format.',
      exitCode: 2,
    });
  }
  return {
    format,
    detected:
      given === undefined ? `${format.title}: ${container}, ${because}` : `${format.title}: ${container}, as told`,
  };
}

const CONTAINERS = {
  folder: 'folder',
  array: 'JSON array',
  lines: 'JSON lines',
  object: 'JSON object',
  none: 'file',
};
