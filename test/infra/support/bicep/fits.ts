/** Whether a value is one of a type, as far as it is known. */
import type { Frame } from './frame.ts';
import { beside, type Project } from './project.ts';
import type { BicepFile, Decorator, TypeNode } from './syntax.ts';
import { Absent, isFields, isList, textOf, Unknown, type Value } from './values.ts';

export interface FileOf {
  readonly path: string;
  readonly file: BicepFile;
  readonly world: { readonly project: Project };
}

export interface Resolved {
  readonly home: FileOf;
  readonly type: TypeNode;
  readonly decorators: readonly Decorator[];
}

const PRIMITIVES = ['string', 'int', 'bool', 'object', 'array', 'secureString', 'secureObject', 'any'];

/** A type by its name: here, imported, or a property of one. */
export function resolveType(home: FileOf, type: TypeNode): Resolved | undefined {
  if (type.kind === 'member') return resolveMember(home, type);
  if (type.kind !== 'named' || PRIMITIVES.includes(type.name)) return { home, type, decorators: [] };
  const declared = home.file.types.find(({ name }) => name === type.name);
  if (declared !== undefined) {
    const found = resolveType(home, declared.type);
    return found && { ...found, decorators: [...declared.decorators, ...found.decorators] };
  }
  for (const { from, names } of home.file.imports) {
    const imported = names.find(({ as }) => as === type.name);
    const other = imported === undefined ? undefined : fileAt(home, from);
    if (imported !== undefined && other !== undefined) {
      return resolveType(other, { kind: 'named', name: imported.name, line: type.line });
    }
  }
  return undefined;
}

function resolveMember(home: FileOf, type: TypeNode & { kind: 'member' }): Resolved | undefined {
  const { of, name, line } = type;
  const library = of.kind === 'named' ? home.file.imports.find(({ all }) => all === of.name) : undefined;
  const other = library === undefined ? undefined : fileAt(home, library.from);
  if (other !== undefined) return resolveType(other, { kind: 'named', name, line });
  const outer = resolveType(home, of);
  if (outer === undefined) return undefined;
  if (name === '*') return outer.type.kind === 'array' ? resolveType(outer.home, outer.type.of) : undefined;
  const property = outer.type.kind === 'object' ? outer.type.properties.find((one) => one.name === name) : undefined;
  return property && resolveType(outer.home, property.type);
}

function fileAt(home: FileOf, from: string): FileOf | undefined {
  const path = beside(home.path, from);
  const file = home.world.project.files.get(path);
  return file && { path, file, world: home.world };
}

/** @returns why not, naming the place in the value; nothing where it fits or is not known */
export function fits(
  home: FileOf | Frame,
  type: TypeNode,
  value: Value,
  what: string,
  decorators: readonly Decorator[] = [],
): readonly string[] {
  const unknown =
    value instanceof Unknown || value instanceof Absent || (typeof value === 'string' && value.includes('‹'));
  if (unknown) return [];
  if (type.kind === 'nullable') return value === null ? [] : fits(home, type.of, value, what, decorators);
  const found = resolveType(home, type);
  if (found === undefined) return [`${what} is of a type that is not declared`];
  const limits = limited([...decorators, ...found.decorators], value, what);
  return [...limits, ...shaped(found, value, what)];
}

function shaped({ home, type, decorators }: Resolved, value: Value, what: string): readonly string[] {
  const wrong = [`${what} is ${shown(value)}, which is not of its type`];
  switch (type.kind) {
    case 'nullable':
      return value === null ? [] : fits(home, type.of, value, what);
    case 'literal':
      return value === type.value ? [] : [`${what} is ${shown(value)}, not ${shown(type.value)}`];
    case 'union':
      return union(home, type.members, value, what, decorators);
    case 'array':
      return isList(value) ? value.flatMap((one, index) => fits(home, type.of, one, `${what}[${index}]`)) : wrong;
    case 'object':
      return objectFits(home, type, value, what);
    case 'named':
      return primitive(type.name, value) ? [] : wrong;
    case 'generic':
    case 'member':
    case 'tuple':
      return [];
  }
}

function union(
  home: FileOf,
  members: readonly TypeNode[],
  value: Value,
  what: string,
  decorators: readonly Decorator[],
): readonly string[] {
  const key = decorators.find(({ name }) => name === 'discriminator')?.args[0];
  const tried = members.map((member) => fits(home, member, value, what));
  if (tried.some((problems) => problems.length === 0)) return [];
  const [kind] = key?.kind === 'literal' && isFields(value) ? [value[String(key.value)]] : [];
  const nearest =
    kind === undefined
      ? undefined
      : tried.find((problems) => !problems.some((one) => one.includes(` ${shown(kind)}, not `)));
  return nearest ?? [`${what} is ${shown(value)}, which none of ${members.length} types takes`];
}

function objectFits(home: FileOf, type: TypeNode & { kind: 'object' }, value: Value, what: string): readonly string[] {
  if (!isFields(value)) return [`${what} is ${shown(value)}, which is no object`];
  const { properties, rest } = type;
  const missing = properties
    .filter(({ name, type: own }) => own.kind !== 'nullable' && value[name] === undefined)
    .map(({ name }) => `${what} has no ${name}`);
  const inside = Object.entries(value).flatMap(([name, one]) => {
    const property = properties.find((candidate) => candidate.name === name);
    if (property !== undefined) return fits(home, property.type, one, `${what}.${name}`, property.decorators);
    return rest === undefined
      ? [`${what} has ${name}, which its type does not know`]
      : fits(home, rest, one, `${what}.${name}`);
  });
  return [...missing, ...inside];
}

function primitive(name: string, value: Value): boolean {
  if (name === 'any') return true;
  if (name === 'int') return typeof value === 'number';
  if (name === 'bool') return typeof value === 'boolean';
  if (name === 'array') return isList(value);
  return /object$/i.test(name) ? isFields(value) : typeof value === 'string';
}

function limited(decorators: readonly Decorator[], value: Value, what: string): readonly string[] {
  const size = isFields(value)
    ? Object.keys(value).length
    : isList(value) || typeof value === 'string'
      ? value.length
      : 0;
  return decorators.flatMap(({ name, args: [first] }) => {
    if (first === undefined) return [];
    if (name === 'allowed' && first.kind === 'array') {
      const taken = first.items.map((one) => (one.kind === 'literal' ? one.value : undefined));
      const refused = (isList(value) ? value : [value]).filter((one) => !taken.includes(one as string));
      return refused.map((one) => `${what} is ${shown(one)}, which is not allowed`);
    }
    const limit = first.kind === 'literal' ? Number(first.value) : Number.NaN;
    if (name === 'minLength' && size < limit) return [`${what} is shorter than ${limit}`];
    if (name === 'maxLength' && size > limit) return [`${what} is longer than ${limit}`];
    if (name === 'minValue' && Number(value) < limit) return [`${what} is less than ${limit}`];
    return name === 'maxValue' && Number(value) > limit ? [`${what} is more than ${limit}`] : [];
  });
}

function shown(value: Value): string {
  const text = typeof value === 'string' ? `'${value}'` : textOf(value ?? null);
  return value === null ? 'null' : text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
