/** Every expression in a file, and what each refers to. */
import type { BicepFile, Decorator, Expression, Loop, TypeNode } from './syntax.ts';

/** What is directly in an expression, with the names that it brings in for it. */
function inside(expression: Expression): readonly (readonly [one: Expression, brings: readonly string[]])[] {
  const plain = (...all: readonly Expression[]) => all.map((one) => [one, []] as const);
  switch (expression.kind) {
    case 'literal':
    case 'name':
      return [];
    case 'template':
      return plain(...expression.holes);
    case 'object': {
      const computed = expression.properties.flatMap((one) => (one.computed === undefined ? [] : [one.computed]));
      return plain(...expression.spreads, ...computed, ...expression.properties.map(({ value }) => value));
    }
    case 'array':
      return plain(...expression.items);
    case 'spread':
    case 'member':
    case 'nested':
    case 'unary':
      return plain(expression.of);
    case 'index':
      return plain(expression.of, expression.index);
    case 'call':
      return plain(...(expression.of === undefined ? [] : [expression.of]), ...expression.args);
    case 'binary':
      return plain(expression.left, expression.right);
    case 'ternary':
      return plain(expression.condition, expression.yes, expression.no);
    case 'lambda':
      return [[expression.body, expression.names]];
    case 'for':
      return [...looped(expression), [expression.body, brought(expression)]];
  }
}

function brought({ item, index }: Loop): readonly string[] {
  return index === undefined ? [item] : [item, index];
}

function looped(loop: Loop): readonly (readonly [Expression, readonly string[]])[] {
  return [[loop.over, []], ...(loop.condition === undefined ? [] : [[loop.condition, brought(loop)] as const])];
}

/** Depth first, the expression itself first; with the local names that are known there. */
export function* within(
  expression: Expression,
  locals: readonly string[] = [],
): Generator<readonly [Expression, readonly string[]]> {
  yield [expression, locals];
  for (const [one, brings] of inside(expression)) yield* within(one, [...locals, ...brings]);
}

export interface Rooted {
  readonly expression: Expression;
  /** Names of loops and functions that are known in it. */
  readonly locals: readonly string[];
  /** What it is of, for messages and to leave something out by. */
  readonly owner: string;
}

/** The expressions of a file that are in no other, decorators' left out: those are words for people. */
export function rootsOf(file: BicepFile): readonly Rooted[] {
  const roots: Rooted[] = [];
  const add = (owner: string, expression: Expression | undefined, locals: readonly string[] = []): void => {
    if (expression !== undefined) roots.push({ expression, locals, owner });
  };
  for (const { name, default: fallback } of file.parameters) add(`param ${name}`, fallback);
  for (const { name, value } of file.variables) add(`var ${name}`, value);
  for (const { name, value } of file.assigned) add(`param ${name}`, value);
  for (const { name, value } of file.outputs) add(`output ${name}`, value);
  for (const { name, parameters, body } of file.functions) {
    add(
      `func ${name}`,
      body,
      parameters.map((one) => one.name),
    );
  }
  for (const { name, loop, condition, body } of [...file.resources, ...file.modules]) {
    const locals = loop === undefined ? [] : brought(loop);
    add(name, loop?.over);
    add(name, condition, locals);
    add(name, body, locals);
  }
  return roots;
}

/** Every expression of the file. */
export function* everyExpression(file: BicepFile): Generator<readonly [Expression, readonly string[], owner: string]> {
  for (const { expression, locals, owner } of rootsOf(file)) {
    for (const [one, known] of within(expression, locals)) yield [one, known, owner];
  }
}

/** The names of types in a type, with `library` of `library.name`. */
export function* typeNames(type: TypeNode): Generator<readonly [name: string, line: number]> {
  switch (type.kind) {
    case 'named':
      yield [type.name, type.line];
      return;
    case 'member':
    case 'array':
    case 'nullable':
      yield* typeNames(type.of);
      return;
    case 'union':
      for (const one of type.members) yield* typeNames(one);
      return;
    case 'tuple':
      for (const one of type.items) yield* typeNames(one);
      return;
    case 'object':
      for (const one of type.properties) yield* typeNames(one.type);
      if (type.rest !== undefined) yield* typeNames(type.rest);
      return;
    case 'literal':
    case 'generic':
      return;
  }
}

export function* everyType(file: BicepFile): Generator<readonly [type: TypeNode, owner: string]> {
  for (const { name, type } of file.parameters) yield [type, name];
  for (const { name, type } of file.outputs) yield [type, name];
  for (const { name, type } of file.types) yield [type, name];
  for (const { name, parameters, returns } of file.functions) {
    for (const { type } of parameters) yield [type, name];
    yield [returns, name];
  }
}

/** Of a decorated thing: the arguments of decorators, which may name variables. */
export function* decoratorsOf(file: BicepFile): Generator<Decorator> {
  const named = [
    file.parameters,
    file.variables,
    file.types,
    file.functions,
    file.resources,
    file.modules,
    file.outputs,
  ];
  for (const { decorators } of named.flat()) yield* decorators;
}

/** `a.b.c` as its names; nothing where something else than names is in it. */
export function chain(expression: Expression): readonly string[] | undefined {
  if (expression.kind === 'name') return [expression.name];
  if (expression.kind === 'index') return chain(expression.of);
  if (expression.kind === 'nested') return [expression.name];
  const before = expression.kind === 'member' ? chain(expression.of) : undefined;
  return expression.kind === 'member' && before !== undefined ? [...before, expression.name] : undefined;
}

/** An expression as text, the same for the same meaning: to compare, and to show. */
export function written(expression: Expression): string {
  switch (expression.kind) {
    case 'literal':
      return typeof expression.value === 'string' ? `'${expression.value}'` : String(expression.value);
    case 'template':
      return `'${expression.pieces.map((piece, index) => piece + hole(expression.holes[index])).join('')}'`;
    case 'object':
      return `{${expression.properties.map(({ name, value }) => `${name ?? '[]'}:${written(value)}`).join(',')}}`;
    case 'array':
      return `[${expression.items.map(written).join(',')}]`;
    case 'name':
      return expression.name;
    case 'member':
      return `${written(expression.of)}.${expression.name}`;
    case 'index':
      return `${written(expression.of)}[${written(expression.index)}]`;
    case 'nested':
      return `${written(expression.of)}::${expression.name}`;
    case 'call':
      return `${expression.of === undefined ? '' : `${written(expression.of)}.`}${expression.name}(${expression.args.map(written).join(', ')})`;
    case 'unary':
      return `${expression.operator}${written(expression.of)}`;
    case 'binary':
      return `${written(expression.left)} ${expression.operator} ${written(expression.right)}`;
    case 'ternary':
      return `${written(expression.condition)} ? ${written(expression.yes)} : ${written(expression.no)}`;
    case 'lambda':
      return `(${expression.names.join(', ')}) => ${written(expression.body)}`;
    case 'spread':
      return `...${written(expression.of)}`;
    case 'for':
      return `[for ${expression.item} in ${written(expression.over)}: ${written(expression.body)}]`;
  }
}

function hole(expression: Expression | undefined): string {
  return expression === undefined ? '' : `\${${written(expression)}}`;
}

/** A property of an object by its name. */
export function propertyOf(expression: Expression | undefined, name: string): Expression | undefined {
  return expression?.kind === 'object' ? expression.properties.find((one) => one.name === name)?.value : undefined;
}
