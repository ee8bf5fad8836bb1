import type { WinnowError } from '../../base/errors.ts';
import type { MediaScope } from '../../dataset/media/media.ts';
import { similarPath } from '../../dataset/media/similar-path.ts';

/** Why a medium can't be had, with the file that is probably meant, or what opens the way to where a link leads. */
export function missingReason(scope: MediaScope, path: string, fault: WinnowError): string {
  const { code, where } = fault;
  const message = fault.message.replace(/\.$/, '');
  if (code === 'MEDIA_MISSING') {
    const similar = similarPath(scope.mediaRoot, path);
    return similar === undefined ? message : `${message}; "${similar.path}" is there, ${similar.how}`;
  }
  if (code !== 'MEDIA_OUTSIDE_ROOT' || !message.includes('through a link')) return message;
  return `${message} to ${where?.file ?? 'another folder'}; "allow: [FOLDER]" of the data set in winnow.yaml permits it`;
}
