import type { ArenaPage } from '../page.ts';

export const page = JSON.parse(document.getElementById('report-data')!.textContent ?? '{}') as ArenaPage;
export const { result, samples, images } = page;

/** Place of a quantity in every list of quantities; -1: there is none. */
export function placeOf(name: string): number {
  return result.quantities.findIndex((quantity) => quantity.name === name);
}

/** The name of a method, which may break where an option begins. */
export function breakable(id: string): (string | HTMLElement)[] {
  return id.split(/(?<=[:=+])/).flatMap((part, i) => (i === 0 ? [part] : [document.createElement('wbr'), part]));
}

/** Address of a method's own view. */
export function addressOf(id: string): string {
  return `#method/${encodeURIComponent(id)}`;
}
