/**
 * `npm run infra:types -- <Azure.Bicep.Types.Az.dll>`: makes resource-types.json, the shapes of the resources that infra/ declares.
 * The library is the type data of the Bicep compiler itself. It is 25 MB and comes in a package of 109 MB, so that it is read
 * when a resource or a version is new, and not by every run of the tests:
 *
 *     npm pack @azure/mcp-linux-x64@0.5.13
 *     tar xzf azure-mcp-linux-x64-0.5.13.tgz package/dist/Azure.Bicep.Types.Az.dll
 *     npm run infra:types -- package/dist/Azure.Bicep.Types.Az.dll
 *
 * Nothing of it is run: the resources of the library are deflated JSON, and are read as such.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';
import { project, readFolder } from '../bicep/project.ts';
import {
  DATA,
  READ_ONLY,
  REQUIRED,
  STANDS_FOR,
  type Has,
  type Shape,
  type ShapeList,
  type TypeData,
} from './shapes.ts';

interface Ref {
  readonly $ref: string;
}
type Properties = Readonly<Record<string, { readonly type: Ref; readonly flags: number }>>;
interface RawType {
  readonly $type: string;
  readonly name?: string;
  readonly value?: string;
  readonly body?: Ref;
  readonly itemType?: Ref;
  readonly properties?: Properties;
  readonly baseProperties?: Properties;
  readonly additionalProperties?: Ref;
  readonly discriminator?: string;
  readonly elements?: readonly Ref[] | Readonly<Record<string, Ref>>;
}

/** The JSON files in the library, wherever in it they are. */
function* filesIn(library: Buffer): Generator<string> {
  const header = library.readUInt32LE(0x3c);
  const optional = header + 24;
  const directories = optional + (library.readUInt16LE(optional) === 0x20b ? 112 : 96);
  const sections = Array.from({ length: library.readUInt16LE(header + 6) }, (_, index) => {
    const at = optional + library.readUInt16LE(header + 20) + index * 40;
    return {
      from: library.readUInt32LE(at + 12),
      size: library.readUInt32LE(at + 16),
      at: library.readUInt32LE(at + 20),
    };
  });
  const offset = (address: number): number => {
    const section = sections.find(({ from, size }) => address >= from && address < from + size);
    if (section === undefined) throw new Error('this is not a .NET library with resources in it');
    return address - section.from + section.at;
  };
  const runtime = offset(library.readUInt32LE(directories + 14 * 8));
  const start = offset(library.readUInt32LE(runtime + 24));
  const end = start + library.readUInt32LE(runtime + 28);
  for (let at = start; at < end;) {
    const length = library.readUInt32LE(at);
    yield inflateRawSync(library.subarray(at + 4, at + 4 + length)).toString('utf8');
    at = start + ((at - start + 4 + length + 7) & ~7);
  }
}

/** The shapes of some resources of one file: those that are reached from a body. */
class Shapes {
  readonly #types: readonly RawType[];
  readonly #places = new Map<string, number>();
  readonly shapes: Shape[] = [];

  constructor(types: readonly RawType[]) {
    this.#types = types;
  }

  place({ $ref }: Ref): number {
    const known = this.#places.get($ref);
    if (known !== undefined) return known;
    const place = this.shapes.push('any') - 1;
    this.#places.set($ref, place);
    const type = this.#types[Number($ref.slice(2))];
    if (type !== undefined) this.shapes[place] = this.#shape(type);
    return place;
  }

  #shape(type: RawType): Shape {
    switch (type.$type) {
      case 'StringType':
        return 'string';
      case 'IntegerType':
        return 'int';
      case 'BooleanType':
        return 'bool';
      case 'NullType':
        return 'null';
      case 'StringLiteralType':
        return { is: type.value ?? '' };
      case 'UnionType':
        return { any: Object.values(type.elements ?? {}).map((one: Ref) => this.place(one)) };
      case 'ArrayType':
        return type.itemType === undefined ? 'any' : { each: this.place(type.itemType) };
      case 'ObjectType': {
        const { additionalProperties: rest } = type;
        return { has: this.#has(type.properties), ...(rest === undefined ? {} : { rest: this.place(rest) }) };
      }
      case 'DiscriminatedObjectType': {
        const of = Object.entries(type.elements ?? {}).map(([value, one]: [string, Ref]) => [value, this.place(one)]);
        return {
          by: type.discriminator ?? '',
          has: this.#has(type.baseProperties),
          of: Object.fromEntries(of) as Record<string, number>,
        };
      }
      default:
        return 'any';
    }
  }

  #has(properties: Properties = {}): Has {
    return Object.fromEntries(
      Object.entries(properties).map(([name, { type, flags }]) => [
        name,
        [this.place(type), flags & (REQUIRED | READ_ONLY)],
      ]),
    );
  }
}

function extract(library: Buffer, wanted: ReadonlySet<string>): readonly ShapeList[] {
  const lists: ShapeList[] = [];
  for (const text of filesIn(library)) {
    if (!text.startsWith('[') || ![...wanted].some((name) => text.includes(`"${name}"`))) continue;
    const types = JSON.parse(text) as readonly RawType[];
    const shapes = new Shapes(types);
    const resources = types
      .filter(({ $type, name = '', body }) => $type === 'ResourceType' && wanted.has(name) && body !== undefined)
      .map(({ name = '', body = { $ref: '' } }) => [name, shapes.place(body)] as const);
    if (resources.length > 0) lists.push({ resources: Object.fromEntries(resources), shapes: shapes.shapes });
  }
  return lists.sort((a, b) => (Object.keys(a.resources).join() < Object.keys(b.resources).join() ? -1 : 1));
}

/** One shape a line, so that a change can be read. */
function written({ lists, ...head }: TypeData): string {
  const lines = lists.map(
    ({ resources, shapes }) =>
      `{"resources":${JSON.stringify(resources, null, 1)},\n"shapes":[\n${shapes.map((one) => JSON.stringify(one)).join(',\n')}\n]}`,
  );
  return `${JSON.stringify(head, null, 2).slice(0, -2)},\n  "lists": [\n${lines.join(',\n')}\n  ]\n}\n`;
}

const [, , path, ...folders] = process.argv;
if (path === undefined)
  throw new Error('usage: npm run infra:types -- <Azure.Bicep.Types.Az.dll> [folder with infra/ …]');
const used = [...(folders.length === 0 ? ['.'] : folders), 'test/infra/fixtures/sound'].flatMap((folder) =>
  [...project(readFolder(folder)).files.values()].flatMap(({ resources }) => resources),
);
const wanted = new Set(used.map(({ type, version }) => STANDS_FOR[`${type}@${version}`] ?? `${type}@${version}`));
const lists = extract(readFileSync(path), wanted);
writeFileSync(
  DATA,
  written({
    source:
      'Azure.Bicep.Types.Az.dll of the npm package @azure/mcp-linux-x64 0.5.13 (https://github.com/Azure/bicep-types-az)',
    version: '0.2.792+857b7c983a',
    license: 'MIT, Copyright (c) Microsoft Corporation',
    regenerate:
      'npm run infra:types -- <Azure.Bicep.Types.Az.dll>; test/infra/support/resource-types/extract.ts says where from',
    lists,
  }),
);
const found = lists.flatMap(({ resources }) => Object.keys(resources));
const missing = [...wanted].filter((name) => !found.includes(name));
console.log(
  `${found.length} of ${wanted.size} types@versions${missing.length === 0 ? '' : `; not there: ${missing.join(', ')}`}`,
);
