import { WinnowError } from '../../base/errors.ts';
import { didYouMean } from '../../base/suggest.ts';
import type { Format, Probe } from '../format.ts';
import { formats } from './registry.ts';

/** The format of that name. Throws `FORMAT_UNKNOWN` with the names there are. */
export function formatNamed(name: string): Format {
  const asked = name.toLowerCase().replaceAll('_', '-');
  const found = formats.find((format) => format.name === asked || format.aliases?.includes(asked) === true);
  if (found !== undefined) return found;
  throw new WinnowError({
    code: 'FORMAT_UNKNOWN',
    message: `There is no format "${name}".`,
    hint: `${didYouMean(
      name,
      formats.map((format) => format.name),
    )}Use one of ${formats.map((format) => format.name).join(', ')}.`,
    exitCode: 2,
  });
}

/** Whether a format reads folders, where the path is one, or files. */
export function takes(format: Format, probe: Probe): boolean {
  return (format.container === 'folder') === probe.isFolder || format.holdsMedia !== undefined;
}

/** Surer than this a row speaks for one format alone. */
const SURE = 0.9;

/**
 * What most records are surely of, where one odd record made the whole file look like another format; with a word on
 * the first row that looks like something else.
 */
function byMajority(probe: Probe, best: { format: Format; because: string }): { format: Format; because: string } {
  if (probe.records.length < 2 || (probe.container !== 'lines' && probe.container !== 'array')) return best;
  const candidates = formats.filter((format) => takes(format, probe) && format.openSource === undefined);
  const votes = probe.records.map((record) => {
    const sniffs = candidates.map((format) => ({ format, ...format.sniff({ ...probe, records: [record] }) }));
    return sniffs.reduce((most, sniff) => (sniff.confidence > most.confidence ? sniff : most));
  });
  const sure = votes.filter(({ confidence }) => confidence >= SURE);
  const outvoted = sure.find(({ format }) => {
    const count = sure.filter((vote) => vote.format === format).length;
    return format !== best.format && count > votes.length / 2;
  });
  if (outvoted === undefined) return best;
  const odd = votes.findIndex(({ format, confidence }) => confidence >= SURE && format !== outvoted.format);
  const said = odd < 0 ? '' : `, in most rows; row ${odd} looks like ${votes[odd]!.format.title}`;
  return { format: outvoted.format, because: outvoted.because + said };
}

/**
 * The format that is surest of what it sees, and why. Throws `FORMAT_UNKNOWN` where none is, or why the file isn't
 * JSON.
 */
export function detectFormat(probe: Probe, notJson?: WinnowError): { format: Format; because: string } {
  let best: { format: Format; confidence: number; because: string } | undefined;
  for (const format of formats) {
    if (!takes(format, probe)) continue;
    const sniff = format.sniff(probe);
    if (sniff.confidence > (best?.confidence ?? 0)) best = { format, ...sniff };
  }
  if (best !== undefined) return byMajority(probe, best);
  if (notJson !== undefined) throw notJson;
  const first = probe.records.find((record) => typeof record === 'object' && record !== null);
  const seen =
    first === undefined
      ? 'no JSON object was found'
      : `the first record has ${
          Object.keys(first)
            .slice(0, 8)
            .map((key) => `"${key}"`)
            .join(', ') || 'no keys'
        }`;
  throw new WinnowError({
    code: 'FORMAT_UNKNOWN',
    message: `No known format fits: ${seen}.`,
    where: { file: probe.path },
    hint: `Say which it is with --format: ${formats.map((format) => format.name).join(', ')}.`,
  });
}
