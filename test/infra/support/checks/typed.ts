/** Properties of what has a declared type: `.?` would read nothing of a misspelt one, and say nothing. */
import { resolveType, type FileOf, type Resolved } from '../bicep/fits.ts';
import { at, type Project } from '../bicep/project.ts';
import type { BicepFile, Expression, Loop } from '../bicep/syntax.ts';

type Known = ReadonlyMap<string, Resolved | undefined>;

export function typedAccess(project: Project): readonly string[] {
  return [...project.files].flatMap(([path, file]) => {
    const reader = new Reader({ path, file, world: { project } });
    for (const { default: fallback } of file.parameters) if (fallback !== undefined) reader.read(fallback, new Map());
    for (const { value } of [...file.variables, ...file.outputs]) reader.read(value, new Map());
    for (const { parameters, body } of file.functions) reader.read(body, reader.named(parameters));
    for (const { loop, condition, body } of [...file.resources, ...file.modules]) {
      const known = loop === undefined ? new Map<string, Resolved>() : reader.looped(loop, new Map());
      if (condition !== undefined) reader.read(condition, known);
      reader.read(body, known);
    }
    return reader.problems;
  });
}

const LAMBDA_OF_ITEMS = ['map', 'filter', 'sort', 'toObject', 'groupBy'];

class Reader {
  readonly problems: string[] = [];
  readonly #home: FileOf;
  readonly #file: BicepFile;

  constructor(home: FileOf) {
    this.#home = home;
    this.#file = home.file;
  }

  named(parameters: BicepFile['functions'][number]['parameters']): Known {
    return new Map(parameters.map(({ name, type }) => [name, resolveType(this.#home, type)]));
  }

  looped(loop: Loop, known: Known): Known {
    const item = itemOf(this.read(loop.over, known));
    return new Map([
      ...known,
      [loop.item, item],
      ...(loop.index === undefined ? [] : [[loop.index, undefined] as const]),
    ]);
  }

  /** Reports what is wrong in it. @returns its type, where one was declared */
  read(one: Expression, known: Known): Resolved | undefined {
    switch (one.kind) {
      case 'name':
        return known.has(one.name) ? known.get(one.name) : this.#symbol(one.name);
      case 'member':
        return this.#property(this.read(one.of, known), one.name, one.line);
      case 'index': {
        const of = this.read(one.of, known);
        this.read(one.index, known);
        return one.index.kind === 'literal' && typeof one.index.value === 'string'
          ? this.#property(of, one.index.value, one.line)
          : itemOf(of);
      }
      case 'call':
        return this.#call(one, known);
      case 'binary': {
        const left = this.read(one.left, known);
        this.read(one.right, known);
        return one.operator === '??' ? left : undefined;
      }
      case 'ternary':
        for (const part of [one.condition, one.no]) this.read(part, known);
        return this.read(one.yes, known);
      case 'for': {
        const inside = this.looped(one, known);
        if (one.condition !== undefined) this.read(one.condition, inside);
        this.read(one.body, inside);
        return undefined;
      }
      case 'object':
        for (const { value, computed } of one.properties) {
          this.read(value, known);
          if (computed !== undefined) this.read(computed, known);
        }
        for (const spread of one.spreads) this.read(spread, known);
        return undefined;
      case 'array':
      case 'template':
        for (const part of one.kind === 'array' ? one.items : one.holes) this.read(part, known);
        return undefined;
      case 'spread':
      case 'unary':
      case 'nested':
        this.read(one.of, known);
        return undefined;
      case 'lambda':
      case 'literal':
        return undefined;
    }
  }

  #symbol(name: string): Resolved | undefined {
    const parameter = this.#file.parameters.find((one) => one.name === name);
    if (parameter !== undefined) return resolveType(this.#home, parameter.type);
    const variable = this.#file.variables.find((one) => one.name === name);
    // Read without a report: the variable is reported where it is declared.
    return variable === undefined ? undefined : new Reader(this.#home).read(variable.value, new Map());
  }

  #call(one: Expression & { kind: 'call' }, known: Known): Resolved | undefined {
    const { name, args } = one;
    const [first, ...rest] = args;
    const over = first === undefined ? undefined : this.read(first, known);
    for (const arg of rest) {
      const item = arg.kind === 'lambda' && LAMBDA_OF_ITEMS.includes(name) ? itemOf(over) : undefined;
      if (arg.kind === 'lambda')
        this.read(arg.body, new Map([...known, ...arg.names.map((each) => [each, item] as const)]));
      else this.read(arg, known);
    }
    if (name === 'filter') return over;
    const own = this.#file.functions.find((candidate) => candidate.name === name);
    if (own !== undefined) return resolveType(this.#home, own.returns);
    for (const { from, names } of this.#file.imports) {
      const imported = names.find(({ as }) => as === name);
      if (imported !== undefined) return returned(this.#home, from, imported.name);
    }
    return name === 'first' || name === 'last' ? itemOf(over) : undefined;
  }

  #property(of: Resolved | undefined, name: string, line: number): Resolved | undefined {
    if (of === undefined) return undefined;
    const { home, type } = of;
    if (type.kind === 'nullable') return this.#property(resolveType(home, type.of), name, line);
    if (type.kind !== 'object') return undefined;
    const property = type.properties.find((one) => one.name === name);
    const found = property?.type ?? type.rest;
    if (found !== undefined) return resolveType(home, found);
    this.problems.push(`${at(this.#home.path, line)}: there is no ${name} in the type of what it is read of`);
    return undefined;
  }
}

function returned(home: FileOf, from: string, name: string): Resolved | undefined {
  const path = new URL(from, `file:///${home.path}`).pathname.slice(1);
  const file = home.world.project.files.get(path);
  const found = file?.functions.find((one) => one.name === name);
  return file === undefined || found === undefined ? undefined : resolveType({ ...home, path, file }, found.returns);
}

function itemOf(of: Resolved | undefined): Resolved | undefined {
  if (of?.type.kind === 'nullable') return itemOf(resolveType(of.home, of.type.of));
  return of?.type.kind === 'array' ? resolveType(of.home, of.type.of) : undefined;
}
