/** What is read of a resource or a module, and what is compared with what: `.?` and `==` say nothing of a misspelt name. */
import { at, type Project } from '../bicep/project.ts';
import type { BicepFile, Expression, Resource, TypeNode } from '../bicep/syntax.ts';
import { chain, everyExpression, propertyOf, written } from '../bicep/walk.ts';
import { shapeOf, type Shape, type TypeData } from '../resource-types/shapes.ts';

const OF_ALL = ['id', 'name', 'type', 'apiVersion'];

/** `account.properties.primaryEndpoints.blob` is in Azure's own description of an account. */
export function resourceReads({ files }: Project, data: TypeData): readonly string[] {
  return [...files].flatMap(([path, file]) =>
    chains(file).flatMap(({ names: [symbol = '', ...names], one }) => {
      const resource = file.resources.find(({ name }) => name === symbol);
      const lost = resource === undefined ? undefined : unknownIn(data, resource, names);
      return lost === undefined ? [] : [`${at(path, one.line)}: ${symbol} has no ${lost}`];
    }),
  );
}

function chains(file: BicepFile): readonly { readonly names: readonly string[]; readonly one: Expression }[] {
  return [...everyExpression(file)].flatMap(([one, locals]) => {
    const names = one.kind === 'member' ? chain(one) : undefined;
    return names === undefined || locals.includes(names[0] ?? '') ? [] : [{ names, one }];
  });
}

/** @returns the way to the first name that is not known, as far as the shapes go */
function unknownIn(data: TypeData, { type, version }: Resource, names: readonly string[]): string | undefined {
  const found = shapeOf(data, type, version);
  if (found === undefined || OF_ALL.includes(names[0] ?? '')) return undefined;
  let shape: Shape | undefined = found.shapes[found.body];
  for (const [index, name] of names.entries()) {
    if (typeof shape !== 'object' || !('has' in shape)) return undefined;
    const place: number | undefined = shape.has[name]?.[0] ?? ('rest' in shape ? shape.rest : undefined);
    if (place === undefined) return 'by' in shape ? undefined : names.slice(0, index + 1).join('.');
    shape = found.shapes[place];
  }
  return undefined;
}

/** A module has outputs and a name, and is given parameters, a scope and an order. */
export function moduleMembers({ files }: Project): readonly string[] {
  return [...files].flatMap(([path, file]) => [
    ...chains(file)
      .filter(({ names: [symbol, member = ''] }) => isModule(file, symbol) && !['outputs', 'name'].includes(member))
      .map(({ names, one }) => `${at(path, one.line)}: ${names[0] ?? ''} has no ${names[1] ?? ''}`),
    ...file.modules.flatMap(({ name: symbol, body }) =>
      body.properties
        .filter(({ name = '' }) => !['name', 'scope', 'params', 'dependsOn', 'identity'].includes(name))
        .map(({ name = '', line }) => `${at(path, line)}: ${symbol} has ${name}, which modules do not take`),
    ),
  ]);
}

function isModule({ modules }: BicepFile, symbol: string | undefined): boolean {
  return modules.some(({ name }) => name === symbol);
}

/** A parameter of a few values is compared with one of them. */
export function comparisons({ files }: Project): readonly string[] {
  return [...files].flatMap(([path, file]) =>
    [...everyExpression(file)].flatMap(([one, locals]) => {
      if (one.kind !== 'binary' || !['==', '!='].includes(one.operator)) return [];
      const { left, right } = one;
      const parameter = left.kind === 'name' && !locals.includes(left.name) ? left.name : undefined;
      const values = valuesOf(file.parameters.find(({ name }) => name === parameter)?.type);
      if (values === undefined || right.kind !== 'literal' || values.includes(right.value)) return [];
      return [`${at(path, one.line)}: ${written(left)} is never ${written(right)}`];
    }),
  );
}

function valuesOf(type: TypeNode | undefined): readonly unknown[] | undefined {
  if (type?.kind === 'nullable') {
    const values = valuesOf(type.of);
    return values && [...values, null];
  }
  if (type?.kind !== 'union') return undefined;
  return type.members.map((one) => (one.kind === 'literal' ? one.value : undefined));
}

/** Where a resource is: where the deployment says, or nowhere in particular. */
export function locations({ files }: Project): readonly string[] {
  return [...files].flatMap(([path, file]) =>
    file.resources.flatMap(({ name: symbol, body }) => {
      const location = propertyOf(body, 'location');
      if (location?.kind !== 'literal' || location.value === 'global') return [];
      return [`${at(path, location.line)}: ${symbol} is in ${written(location)}, wherever the rest is`];
    }),
  );
}
