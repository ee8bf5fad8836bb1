/** RFC 4180: quotes where they are needed, CRLF between the lines. */
export function csv(columns: readonly string[], rows: readonly (readonly unknown[])[]): string {
  return [columns, ...rows].map(csvLine).join('\r\n');
}

/** One line of {@link csv}, without its end. */
export function csvLine(row: readonly unknown[]): string {
  const quoted = (value: unknown): string => {
    const isMissing = value === null || value === undefined || (typeof value === 'number' && !Number.isFinite(value));
    const text = isMissing ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return row.map(quoted).join(',');
}
