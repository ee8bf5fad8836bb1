import type { ArenaPage } from '../page.ts';

export const page = JSON.parse(document.getElementById('report-data')!.textContent ?? '{}') as ArenaPage;
export const { result, samples, images } = page;

/** Place of a quantity in every list of quantities; -1: there is none. */
export function placeOf(name: string): number {
  return result.quantities.findIndex((quantity) => quantity.name === name);
}

/** Address of a method's own view. */
export function addressOf(id: string): string {
  return `#method/${encodeURIComponent(id)}`;
}
