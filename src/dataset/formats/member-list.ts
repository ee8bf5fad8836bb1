import { WinnowError } from '../../base/errors.ts';
import type { Probe } from '../format.ts';
import { openJsonSource } from '../records/json-source.ts';
import type { RecordSource } from '../records/source.ts';

/**
 * The elements of a list inside the object that a file is, as records. Throws `FORMAT_MISFIT` where there is no such
 * list.
 */
export function openMemberList(probe: Pick<Probe, 'path' | 'members'>, key: string, given: string): RecordSource {
  const list = probe.members.find((member) => member.key === key && member.kind === 'array');
  if (list !== undefined) return openJsonSource(probe.path, { layout: 'inner', start: list.offset });
  throw new WinnowError({
    code: 'FORMAT_MISFIT',
    message: `The file is no object with a list "${key}".`,
    where: { file: given },
    hint: 'Give another file, or leave --format out to have the format detected.',
    exitCode: 2,
  });
}

/** The first elements of such a list; none where there is no list. */
export function peekMemberList(probe: Probe, key: string): unknown[] {
  const member = probe.members.find((item) => item.key === key);
  return member?.kind === 'array' ? member.first : [];
}
