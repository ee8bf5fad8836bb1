import { type Where, WinnowError } from '../base/errors.ts';
import { diskError } from '../base/files/disk-errors.ts';
import { docsUrl } from '../base/files/package-root.ts';
import { oneLine } from '../base/terminal-text.ts';
import { paint } from './terminal.ts';

/** What is told of a fault, whatever was thrown. */
export interface ErrorReport {
  code: string;
  message: string;
  where: Where;
  hint?: string;
  exitCode: number;
}

export const INTERRUPTED = 130;

const RUNTIME_HINT =
  'Install it again with: ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node (its install script must not run)';

/** Messages of the operating system, in words. */
const SYSTEM: Readonly<Record<string, readonly [message: string, hint: string]>> = {
  ENOENT: ['No such file or folder', 'Check the path; a relative one counts from the folder you are in.'],
  EACCES: ['Permission denied', 'Check who owns it and its permissions.'],
  EPERM: ['Operation not permitted', 'Check who owns it and its permissions.'],
  EROFS: ['The file system is read-only', 'Choose a folder that can be written.'],
  EISDIR: ['A folder is where a file was expected', 'Name the file inside it.'],
  ENOTDIR: ['A file is where a folder was expected', 'Check the path.'],
  ENAMETOOLONG: ['The name is too long for this file system', 'Choose a shorter name.'],
  ELOOP: ['The links of this path lead in a circle', 'Check where the links lead.'],
  EBUSY: ['It is in use', 'End what uses it, and run the command again.'],
  ENOTEMPTY: ['The folder is not empty', 'Choose another folder or empty it first.'],
  EEXIST: ['It exists already', 'Choose another name or remove it first.'],
  EMFILE: ['Too many open files', 'Raise the limit: ulimit -n 4096'],
};

/** Turns anything thrown into code, message, place and hint. Never shows a stack. */
export function describeError(error: unknown): ErrorReport {
  if (error instanceof WinnowError) {
    const { code, message, where, hint, exitCode } = error;
    return report(code, message, hint, exitCode, where);
  }
  if (!(error instanceof Error)) return report('INTERNAL', String(error), undefined, 1);
  if (error.name === 'AbortError') {
    return report('INTERRUPTED', 'Interrupted', 'Run the same command again: what is finished stays.', INTERRUPTED);
  }
  return describeMissing(error) ?? describeSystem(error) ?? describeInvalid(error) ?? describeInternal(error);
}

function describeMissing(error: Error): ErrorReport | undefined {
  const code = codeOf(error);
  if (!['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND', 'ERR_DLOPEN_FAILED'].includes(code ?? '')) return undefined;
  const message = firstLine(error);
  if (/onnxruntime/.test(message)) {
    return report('RUNTIME_MISSING', `ONNX Runtime can't be loaded: ${message}`, RUNTIME_HINT, 1);
  }
  return report('PACKAGE_MISSING', message, 'Install winnow-vlm again, in a clone with: npm ci', 1);
}

function describeSystem(error: Error): ErrorReport | undefined {
  // Faults of the disk that nobody has put into words yet.
  const fault = diskError(error, (error as NodeJS.ErrnoException).path ?? process.cwd());
  if (fault instanceof WinnowError && fault.code !== 'NOT_WRITABLE') return describeError(fault);
  const known = SYSTEM[codeOf(error) ?? ''];
  if (known === undefined) return undefined;
  const file = (error as NodeJS.ErrnoException).path;
  const [message, hint] = known;
  return report(codeOf(error) ?? '', message, hint, 1, { file });
}

/** zod's issues, when a room lets them through: the first one, with its path. */
function describeInvalid(error: Error): ErrorReport | undefined {
  const issues = (error as { issues?: { path: PropertyKey[]; message: string }[] }).issues;
  if (error.name !== 'ZodError' && error.name !== '$ZodError') return undefined;
  const issue = issues?.[0];
  if (issue === undefined) return undefined;
  const place = issue.path.map(String).join('.');
  return report('INVALID', `${place === '' ? '' : `${place}: `}${issue.message}`, undefined, 2);
}

function describeInternal(error: Error): ErrorReport {
  const hint = 'This looks like a fault in winnow. WINNOW_DEBUG=1 shows where it happened.';
  return report('INTERNAL', firstLine(error), hint, 1);
}

function report(
  code: string,
  message: string,
  hint: string | undefined,
  exitCode: number,
  where: Where = {},
): ErrorReport {
  return { code, message: withLinks(message), where, hint: hint === undefined ? undefined : withLinks(hint), exitCode };
}

/** Pages of the documentation as addresses that open from an installed package too. */
function withLinks(text: string): string {
  return text.replace(/(?<![\w/])docs\/([\w-]+\.md(?:#[\w-]+)?)/g, (_, page: string) => docsUrl(page));
}

function codeOf(error: Error): string | undefined {
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : undefined;
}

function firstLine(error: Error): string {
  return error.message.split('\n')[0] || error.name;
}

/** `data.json, row 12, id "a"`. Empty when nothing is known. */
function formatWhere(where: Where): string {
  const parts: string[] = [];
  if (where.file !== undefined) parts.push(where.file);
  if (where.row !== undefined) parts.push(`row ${where.row}`);
  if (where.id !== undefined) parts.push(`id ${JSON.stringify(where.id)}`);
  if (where.offset !== undefined) parts.push(`byte ${where.offset}`);
  return parts.join(', ');
}

/** For people, on stderr. */
export function formatError(described: ErrorReport, colour = false): string {
  const where = formatWhere(described.where);
  const lines = [
    `${paint(colour, ['bold', 'red'], 'winnow:')} ${oneLine(described.message)} ${paint(colour, 'dim', `[${described.code}]`)}`,
  ];
  if (where !== '') lines.push(`  at ${oneLine(where)}`);
  if (described.hint !== undefined) lines.push(`  ${paint(colour, 'cyan', described.hint)}`);
  return lines.join('\n');
}

/** For machines, on stdout. */
export function errorDocument(described: ErrorReport): unknown {
  const { code, message, where, hint } = described;
  return { error: { code, message, where, hint } };
}
