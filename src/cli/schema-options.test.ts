import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { selectors } from '../select/methods/find.ts';
import { signals } from '../signals/measured/registry.ts';
import { addSchemaOptions, schemaValues } from './schema-options.ts';

/** What a person gets who types these words after a verb with these options. */
function typed(schema: z.ZodType, ...words: string[]): Record<string, unknown> {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  addSchemaOptions(command, schema);
  command.parse(words, { from: 'user' });
  return schemaValues(schema, command.opts());
}

const verbs = [
  ...signals.map((signal) => [`score ${signal.name}`, signal.params, {}] as const),
  ...selectors.map(
    (selector) =>
      [`select ${selector.name}`, selector.options, asked(selector.options, selector.comparisonVariants)] as const,
  ),
];

/** What a method has no default for, such as the end that self-sup keeps. */
function asked(options: z.ZodType, forms: readonly Record<string, unknown>[] = [{}]): Record<string, unknown> {
  const { required = [] } = z.toJSONSchema(options, { io: 'input', unrepresentable: 'any' }) as { required?: string[] };
  return Object.fromEntries(required.map((name) => [name, forms[0]?.[name]]));
}

describe.each(verbs)('%s', (_, schema, mandatory) => {
  it('has the defaults of the API: nothing typed is nothing given', () => {
    expect(typed(schema)).toEqual({});
    expect(() => schema.parse({ ...mandatory, ...typed(schema) })).not.toThrow();
  });

  it('offers every option of the API, described, with the default that is in force', () => {
    const command = new Command();
    addSchemaOptions(command, schema);
    const defaults = schema.parse(mandatory) as Record<string, unknown>;
    const offered = command.options.map((option) => option.attributeName());
    expect(offered).toEqual(expect.arrayContaining(Object.keys(defaults)));
    for (const option of command.options) {
      expect(option.description.length, option.long).toBeGreaterThan(10);
      const said = /\(default: ([^)]*)\)$/.exec(option.description)?.[1];
      if (said !== undefined) expect(said).toBe(String([defaults[option.attributeName()]].flat()));
    }
  });
});

const Shape = z.object({
  someName: z.enum(['a', 'b']).default('a').describe('one of two'),
  list: z
    .array(z.enum(['x', 'y']))
    .default(['x'])
    .describe('some of two'),
  flag: z.boolean().default(false).describe('a flag'),
});

it('turns names, lists and flags into options and back', () => {
  expect(typed(Shape, '--some-name', 'b', '--list', 'x, y', '--flag')).toEqual({
    someName: 'b',
    list: ['x', 'y'],
    flag: true,
  });
});

it('refuses a choice that is none, before anything runs', () => {
  expect(() => typed(Shape, '--some-name', 'c')).toThrow(/Allowed choices are a, b/);
});
