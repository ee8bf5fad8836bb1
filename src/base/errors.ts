/** Where a fault was found. Every field that is known is given; the message printer joins them. */
export interface Where {
  file?: string;
  /** 0-based row of the data set. */
  row?: number;
  id?: string;
  /** Byte offset in `file`. */
  offset?: number;
}

export interface WinnowErrorOptions {
  /** Stable, part of the API: e.g. `FORMAT_UNKNOWN`. */
  code: string;
  /** What happened, with the value that was got. */
  message: string;
  where?: Where;
  /** What to do next, as one imperative sentence. */
  hint?: string;
  /** 1: a fault (default). 2: misuse of the command line or API. */
  exitCode?: 1 | 2;
  cause?: unknown;
}

/** The one error class users see: what happened, where, what to do. Printed in `cli/print-error.ts` only. */
export class WinnowError extends Error {
  readonly code: string;
  readonly where: Where;
  readonly hint: string | undefined;
  readonly exitCode: 1 | 2;

  constructor(options: WinnowErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'WinnowError';
    this.code = options.code;
    this.where = options.where ?? {};
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? 1;
  }
}

/** A bad row or medium: kept out of the computation, counted, and reported with its reason. It never ends a run. */
export interface Quarantined {
  row: number;
  id: string;
  code: string;
  reason: string;
}
