import fs from 'node:fs';
import path from 'node:path';
import { parseSync } from 'oxc-parser';

/** Any node of the syntax tree: only its kind and its children matter here. */
interface Node {
  type: string;
  start: number;
  end: number;
  [key: string]: unknown;
}

/** A text that an error may say: as it stands in the source, its expressions as `${…}`. */
export interface ErrorText {
  file: string;
  line: number;
  part: 'message' | 'hint';
  text: string;
}

/** Every message and hint of every `new WinnowError` below a folder; `unhinted` are those that say nothing to do. */
export function errorTexts(folder: string): { texts: ErrorText[]; unhinted: string[] } {
  const texts: ErrorText[] = [];
  const unhinted: string[] = [];
  const files = fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !/\.test\.ts$|\.d\.ts$|(^|\/)testing\//.test(name));
  for (const file of files) {
    const source = fs.readFileSync(path.join(folder, file), 'utf8');
    if (!source.includes('new WinnowError(')) continue;
    const program = parseSync(file, source).program as unknown as Node;
    const lineOf = (at: number): number => source.slice(0, at).split('\n').length;
    const functions = functionsOf(program);
    for (const { node, within } of walk(program, [])) {
      if (node.type !== 'NewExpression' || (node.callee as Node).name !== 'WinnowError') continue;
      const [options] = node.arguments as Node[];
      if (options?.type !== 'ObjectExpression') continue;
      const given = (name: string): Node | undefined =>
        (options.properties as Node[]).find((one) => (one.key as Node | undefined)?.name === name)?.value as Node;
      for (const part of ['message', 'hint'] as const) {
        const value = given(part);
        if (value === undefined) {
          if (part === 'hint') unhinted.push(`${file}:${lineOf(node.start)}`);
          continue;
        }
        for (const leaf of leavesOf(value, within, functions, program)) {
          texts.push({ file, line: lineOf(leaf.start), part, text: textOf(leaf, source) });
        }
      }
    }
  }
  return { texts, unhinted };
}

/** Nodes with the functions that they stand in, innermost last. */
function* walk(node: Node, within: readonly Node[]): Generator<{ node: Node; within: readonly Node[] }> {
  yield { node, within };
  const inner = /Function/.test(node.type) ? [...within, node] : within;
  for (const child of Object.values(node)) {
    for (const one of Array.isArray(child) ? child : [child]) {
      if (typeof one === 'object' && one !== null && 'type' in one) yield* walk(one as Node, inner);
    }
  }
}

/** Functions of a file by their names. */
function functionsOf(program: Node): Map<Node, string> {
  const named = new Map<Node, string>();
  for (const { node } of walk(program, [])) {
    if (node.type === 'FunctionDeclaration') named.set(node, (node.id as Node).name as string);
    const init = node.init as Node | undefined;
    if (node.type === 'VariableDeclarator' && init?.type === 'ArrowFunctionExpression') {
      named.set(init, (node.id as Node).name as string);
    }
  }
  return named;
}

/** The literals that an expression may be; of a parameter, those that the function's callers in the file give. */
function leavesOf(value: Node, within: readonly Node[], functions: Map<Node, string>, program: Node): Node[] {
  const further = (node: unknown): Node[] => leavesOf(node as Node, within, functions, program);
  // What a caller gives stands in another function, whose own parameters are not looked up.
  const literals = (node: Node): Node[] => leavesOf(node, [], functions, program);
  switch (value.type) {
    case 'Literal':
    case 'TemplateLiteral':
      return [value];
    case 'ConditionalExpression':
      return [...further(value.consequent), ...further(value.alternate)];
    case 'LogicalExpression':
      return [...further(value.left), ...further(value.right)];
    case 'TSAsExpression':
    case 'ParenthesizedExpression':
      return further(value.expression);
    case 'Identifier': {
      const owner = within.findLast((one) => parameterOf(one, value.name as string) >= 0);
      const name = owner === undefined ? undefined : functions.get(owner);
      if (owner === undefined || name === undefined) return [];
      const at = parameterOf(owner, value.name as string);
      // Two functions of a file may share a name: callers stand where this one is declared.
      const scope = within[within.indexOf(owner) - 1] ?? program;
      return [...walk(scope, [])].flatMap(({ node }) => {
        const argument = (node.arguments as Node[] | undefined)?.[at];
        const isCall = node.type === 'CallExpression' && (node.callee as Node).name === name;
        return isCall && argument !== undefined && argument.type !== 'Identifier' ? literals(argument) : [];
      });
    }
    default:
      return [];
  }
}

function parameterOf(owner: Node, name: string): number {
  return (owner.params as Node[]).findIndex((one) => one.name === name);
}

function textOf(leaf: Node, source: string): string {
  if (leaf.type === 'Literal') return String(leaf.value);
  const quasis = leaf.quasis as Node[];
  const expressions = leaf.expressions as Node[];
  return quasis
    .map((quasi, i) => {
      const expression = expressions[i];
      const inner = expression === undefined ? '' : `\${${source.slice(expression.start, expression.end)}}`;
      return `${(quasi.value as { cooked: string }).cooked}${inner}`;
    })
    .join('');
}
