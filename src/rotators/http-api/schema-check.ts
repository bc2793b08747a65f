import type { Problem } from '../../rotation/errors.ts';

/**
 * Checks a value against the part of JSON Schema (draft 7) that docs/http-api.schema.json uses, with every problem by its
 * path. A hundred lines instead of a library, because the settings are read at every cold start, and instead of checks written
 * out by hand, because then the published schema could say something else. A test holds it against a real validator.
 */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly propertyNames?: Schema;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  /** Alternatives that a property `kind` tells apart. */
  readonly oneOf?: readonly Schema[];
  readonly definitions?: Readonly<Record<string, Schema>>;
}

type Found = Problem[];

/** @returns no problem when the value is as the schema says; otherwise each with the path below `path` */
export function schemaProblems(root: Schema, value: unknown, path: string): readonly Problem[] {
  const found: Found = [];
  check(root, root, value, path, found);
  return found;
}

function check(root: Schema, schema: Schema, value: unknown, path: string, found: Found): void {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.replace('#/definitions/', '');
    check(root, root.definitions?.[name] ?? {}, value, path, found);
  } else if (schema.oneOf !== undefined) {
    checkKind(root, schema.oneOf, value, path, found);
  } else {
    const wrong = kindOfWrong(schema, value);
    if (wrong === undefined) checkInside(root, schema, value, path, found);
    else found.push({ path, message: wrong });
  }
}

/** A value of another kind altogether: then nothing inside it is worth a word. */
function kindOfWrong(schema: Schema, value: unknown): string | undefined {
  const types = typeof schema.type === 'string' ? [schema.type] : schema.type;
  if (types !== undefined && !types.some((type) => isOf(type, value))) return `is not ${types.join(' or ')}`;
  if (schema.const !== undefined && value !== schema.const) return `is not ${JSON.stringify(schema.const)}`;
  if (schema.enum === undefined || schema.enum.includes(value)) return undefined;
  return `is none of ${schema.enum.map((one) => JSON.stringify(one)).join(', ')}`;
}

function checkInside(root: Schema, schema: Schema, value: unknown, path: string, found: Found): void {
  const say = (message: string): void => void found.push({ path, message });
  if (typeof value === 'string') checkText(schema, value, say);
  if (typeof value === 'number') checkNumber(schema, value, say);
  if (Array.isArray(value)) {
    if (value.length < (schema.minItems ?? 0)) say(`has fewer than ${schema.minItems ?? 0} entries`);
    for (const [index, item] of value.entries()) check(root, schema.items ?? {}, item, `${path}[${index}]`, found);
  } else if (typeof value === 'object' && value !== null) {
    checkObject(root, schema, value as Readonly<Record<string, unknown>>, path, found);
  }
}

function checkText(schema: Schema, value: string, say: (message: string) => void): void {
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(value)) {
    say(`does not look like ${schema.pattern}`);
  }
  // As JSON Schema counts: characters, not UTF-16 units.
  const { length } = Array.from(value);
  if (length < (schema.minLength ?? 0)) say(`is shorter than ${schema.minLength ?? 0} characters`);
  if (length > (schema.maxLength ?? Infinity)) say(`is longer than ${schema.maxLength ?? 0} characters`);
}

function checkNumber(schema: Schema, value: number, say: (message: string) => void): void {
  if (value < (schema.minimum ?? -Infinity)) say(`is less than ${schema.minimum ?? 0}`);
  if (value > (schema.maximum ?? Infinity)) say(`is more than ${schema.maximum ?? 0}`);
}

function checkObject(
  root: Schema,
  schema: Schema,
  value: Readonly<Record<string, unknown>>,
  path: string,
  found: Found,
): void {
  const say = (message: string, at = path): void => void found.push({ path: at, message });
  const names = Object.keys(value);
  for (const name of schema.required ?? []) if (!Object.hasOwn(value, name)) say('is missing', `${path}.${name}`);
  if (names.length < (schema.minProperties ?? 0)) say(`has fewer than ${schema.minProperties ?? 0} properties`);
  if (names.length > (schema.maxProperties ?? Infinity)) say(`has more than ${schema.maxProperties ?? 0} properties`);
  for (const name of names) {
    const below = `${path}.${name}`;
    if (schema.propertyNames !== undefined) check(root, schema.propertyNames, name, below, found);
    const known = Object.hasOwn(schema.properties ?? {}, name) ? schema.properties?.[name] : undefined;
    const other = schema.additionalProperties ?? true;
    if (known !== undefined) check(root, known, value[name], below, found);
    else if (other === false) say('there is no such property', below);
    else if (other !== true) check(root, other, value[name], below, found);
  }
}

/** Which alternative is meant is told by `kind`, so that the problems are those of the one that was meant. */
function checkKind(root: Schema, kinds: readonly Schema[], value: unknown, path: string, found: Found): void {
  const kindOf = (schema: Schema): unknown => schema.properties?.['kind']?.const;
  const given = typeof value === 'object' && value !== null && 'kind' in value ? value.kind : undefined;
  const meant = kinds.find((schema) => kindOf(schema) === given);
  if (meant !== undefined) check(root, meant, value, path, found);
  else
    found.push({
      path: `${path}.kind`,
      message: `is none of ${kinds.map((one) => JSON.stringify(kindOf(one))).join(', ')}`,
    });
}

function isOf(type: string, value: unknown): boolean {
  switch (type) {
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    case 'null':
      return value === null;
    default:
      return typeof value === type;
  }
}
