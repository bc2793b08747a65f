/** What Azure's own type data says of the resources in infra/: resource-types.json, which extract.ts makes. */
import { readFileSync } from 'node:fs';

/** A number is the place of another shape in the same list. */
export type Shape =
  | 'string'
  | 'int'
  | 'bool'
  | 'null'
  | 'any'
  | { readonly is: string }
  | { readonly any: readonly number[] }
  | { readonly each: number }
  | { readonly has: Has; readonly rest?: number }
  /** One of several objects, told apart by the property `by`; `has` is what all have. */
  | { readonly by: string; readonly has: Has; readonly of: Readonly<Record<string, number>> };

/** Of each property its shape and flags: 1 required, 2 read-only. */
export type Has = Readonly<Record<string, readonly [shape: number, flags: number]>>;

export const REQUIRED = 1;
export const READ_ONLY = 2;

export interface ShapeList {
  /** By `type@version`, the place of the body's shape. */
  readonly resources: Readonly<Record<string, number>>;
  readonly shapes: readonly Shape[];
}

export interface TypeData {
  readonly source: string;
  readonly version: string;
  readonly license: string;
  readonly regenerate: string;
  readonly lists: readonly ShapeList[];
}

/**
 * Versions that the type data is too old for, and the one that stands for each. Only where the properties of the resource are
 * known to be the same.
 */
export const STANDS_FOR: Readonly<Record<string, string>> = {
  // Azure/bicep-types-az of 2026-08: the properties of `vaults.properties` are those of 2024-11-01.
  'Microsoft.KeyVault/vaults@2026-02-01': 'Microsoft.KeyVault/vaults@2024-11-01',
  'Microsoft.KeyVault/vaults/secrets@2026-02-01': 'Microsoft.KeyVault/vaults/secrets@2024-11-01',
  'Microsoft.KeyVault/vaults/keys@2026-02-01': 'Microsoft.KeyVault/vaults/keys@2024-11-01',
};

export const DATA = 'test/infra/support/resource-types/resource-types.json';

export function readTypeData(): TypeData {
  return JSON.parse(readFileSync(DATA, 'utf8')) as TypeData;
}

export interface Found {
  readonly shapes: readonly Shape[];
  readonly body: number;
}

/** Types are spelt in any case by Azure; here as they are in the data, or not at all. */
export function shapeOf(data: TypeData, type: string, version: string): Found | undefined {
  const written = `${type}@${version}`;
  const name = STANDS_FOR[written] ?? written;
  for (const { resources, shapes } of data.lists) {
    const body = resources[name];
    if (body !== undefined) return { shapes, body };
  }
  return undefined;
}
