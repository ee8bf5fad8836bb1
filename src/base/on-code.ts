/**
 * For `catch`: a value in place of errors of these codes (of ours or of the system, as `ENOENT`); others are thrown on.
 */
export function onCode<T>(codes: readonly string[], value: T): (error: unknown) => T {
  return (error) => {
    if (codes.includes(String((error as { code?: unknown } | null)?.code))) return value;
    throw error;
  };
}
