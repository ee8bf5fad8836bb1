import { readdirSync, readFileSync } from 'node:fs';
import { FamilyRecord, type TokenRule } from './record.ts';

/** All records, each in a file beside this one, by name. */
export const FAMILIES: readonly FamilyRecord[] = readdirSync(new URL('./', import.meta.url))
  .filter((file) => file.endsWith('.json'))
  .sort()
  .map((file) => FamilyRecord.parse(JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8'))));

/** The family of that name, or with checkpoints of that name. */
export function familyNamed(name: string): FamilyRecord | undefined {
  return (
    FAMILIES.find((family) => family.name === name) ??
    FAMILIES.find(({ checkpoints }) => checkpoints.some((checkpoint) => checkpoint.name === name))
  );
}

/** The family of a configuration's `model_type`. */
export function familyOfType(modelType: string): FamilyRecord | undefined {
  return FAMILIES.find(({ modelTypes }) => modelTypes.includes(modelType));
}

/** Rules of a family's checkpoints that are of a kind. */
export function rulesOf<K extends TokenRule['kind']>({ checkpoints }: FamilyRecord, kind: K) {
  return checkpoints
    .map(({ imageTokens }) => imageTokens)
    .filter((rule): rule is Extract<TokenRule, { kind: K }> => rule.kind === kind);
}
