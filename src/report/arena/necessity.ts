import type { ArenaResult } from '../../experiment/arena/result.ts';

/**
 * The quantity that stands for necessity where all methods stand in a line: of the masked variant, else of another;
 * undefined without any.
 */
export function necessityOf({ quantities }: Pick<ArenaResult, 'quantities'>): string | undefined {
  const names = quantities.map(({ name }) => name).filter((name) => name.startsWith('signal/necessity_'));
  return names.find((name) => name.endsWith('_masked')) ?? names[0];
}
