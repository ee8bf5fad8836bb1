import { type Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { optionName } from '../base/cli-flags.ts';

/** The part of JSON Schema that options use. */
interface Property {
  type?: string;
  enum?: string[];
  items?: { enum?: string[] };
  default?: unknown;
  description?: string;
}

/** The fields of an options schema as people write them, defaults and transforms not yet applied. */
function propertiesOf(schema: z.ZodType): Record<string, Property> {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as {
    properties?: Record<string, Property>;
  };
  return json.properties ?? {};
}

/**
 * Declares one option per field of a zod schema: `textOnly` becomes `--text-only <value>`, a boolean a bare flag, an
 * array a comma-separated list. Description, default and choices are the schema's own, so the command line and the API
 * can't differ.
 */
export function addSchemaOptions(command: Command, schema: z.ZodType): void {
  for (const [name, property] of Object.entries(propertiesOf(schema))) {
    const list = property.type === 'array';
    const flag =
      property.type === 'boolean' ? `--${optionName(name)}` : `--${optionName(name)} <${list ? 'list' : 'value'}>`;
    const choices = property.enum ?? property.items?.enum;
    const known = list && choices !== undefined ? ` (one or more of ${choices.join(',')})` : '';
    const isSaid = property.default === undefined || property.default === false;
    const fallback = isSaid ? '' : ` (default: ${[property.default].flat().join(',')})`;
    const option = new Option(flag, `${property.description ?? ''}${known}${fallback}`);
    if (choices !== undefined && !list) option.choices(choices);
    if (list) option.argParser((text: string) => listOf(text, choices));
    command.addOption(option);
  }
}

/** @throws InvalidArgumentError for an item that is no choice, in commander's own words for one value */
function listOf(text: string, choices: readonly string[] | undefined): string[] {
  const items = text.split(',').map((part) => part.trim());
  const wrong = choices === undefined ? undefined : items.find((item) => !choices.includes(item));
  if (wrong === undefined) return items;
  throw new InvalidArgumentError(`Allowed choices are ${choices?.join(', ')}.`);
}

/** The values a person gave for the fields of a schema, by field name; what was left out is absent. */
export function schemaValues(schema: z.ZodType, given: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.keys(propertiesOf(schema)).flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]])),
  );
}
