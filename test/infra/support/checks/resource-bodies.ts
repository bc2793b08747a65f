/** What is sent to Azure for each resource, against the shapes that Azure's own type data gives. */
import type { Deployed } from '../bicep/deploy.ts';
import { at } from '../bicep/project.ts';
import { Absent, isFields, isList, Unknown, type Fields, type Value } from '../bicep/values.ts';
import { READ_ONLY, REQUIRED, shapeOf, type Has, type Shape, type TypeData } from '../resource-types/shapes.ts';

/** Bicep's own: they say where a resource is, and are not sent. */
const NOT_SENT = ['parent', 'scope', 'dependsOn'];

export function bodyProblems(data: TypeData, resource: Deployed): readonly string[] {
  const { path, line, type, version, existing, symbol, body } = resource;
  const where = `${at(path, line)}: ${symbol}`;
  const found = shapeOf(data, type, version);
  if (found === undefined) {
    return [`${where}: ${type}@${version} is not in resource-types.json; make it anew: ${data.regenerate}`];
  }
  if (existing) return [];
  const sent = Object.fromEntries(Object.entries(body).filter(([name]) => !NOT_SENT.includes(name)));
  return new Checker(found.shapes).check(found.body, sent, '').map((problem) => `${where}${problem}`);
}

class Checker {
  readonly #shapes: readonly Shape[];

  constructor(shapes: readonly Shape[]) {
    this.#shapes = shapes;
  }

  check(place: number, value: Value, path: string): readonly string[] {
    const shape = this.#shapes[place];
    const later =
      value instanceof Unknown || value instanceof Absent || (typeof value === 'string' && value.includes('‹'));
    if (shape === undefined || shape === 'any' || value === null || later) return [];
    const wrong = (expected: string): readonly string[] => [
      `${path} is ${JSON.stringify(value)}, and has to be ${expected}`,
    ];
    if (shape === 'string') return typeof value === 'string' ? [] : wrong('a string');
    if (shape === 'int') return typeof value === 'number' ? [] : wrong('a number');
    if (shape === 'bool') return typeof value === 'boolean' ? [] : wrong('true or false');
    if (shape === 'null') return wrong('null');
    if ('is' in shape) return value === shape.is ? [] : wrong(`'${shape.is}'`);
    if ('any' in shape) return this.#oneOf(shape.any, value, path);
    if ('each' in shape) {
      return isList(value)
        ? value.flatMap((one, index) => this.check(shape.each, one, `${path}[${index}]`))
        : wrong('an array');
    }
    return isFields(value) ? this.#object(shape, value, path) : wrong('an object');
  }

  #oneOf(places: readonly number[], value: Value, path: string): readonly string[] {
    const named = places.filter((place) => typeof this.#shapes[place] === 'object');
    // 'One of these, or any text' is how a list is written that may grow. What is used here is on it, or is a mistake.
    const tried = (named.length > 0 ? named : places).map((place) => this.check(place, value, path));
    if (tried.some((problems) => problems.length === 0)) return [];
    const names = places
      .map((place) => this.#shapes[place])
      .flatMap((one) => (typeof one === 'object' && 'is' in one ? [one.is] : []));
    return [`${path} is ${JSON.stringify(value)}, and has to be one of ${names.join(', ')}`];
  }

  #object(shape: Shape & { readonly has: Has }, value: Fields, path: string): readonly string[] {
    if (!('by' in shape)) return this.#properties(shape.has, 'rest' in shape ? shape.rest : undefined, value, path);
    const kind = value[shape.by];
    if (kind instanceof Unknown) return [];
    const place = typeof kind === 'string' ? shape.of[kind] : undefined;
    const chosen = place === undefined ? undefined : this.#shapes[place];
    if (typeof chosen !== 'object' || !('has' in chosen)) {
      return [
        `${path}.${shape.by} is ${JSON.stringify(kind ?? null)}, and has to be one of ${Object.keys(shape.of).join(', ')}`,
      ];
    }
    return this.#properties({ ...shape.has, ...chosen.has }, 'rest' in chosen ? chosen.rest : undefined, value, path);
  }

  #properties(has: Has, rest: number | undefined, value: Fields, path: string): readonly string[] {
    const missing = Object.entries(has)
      .filter(([name, [, flags]]) => flags & REQUIRED && (value[name] ?? null) === null)
      .map(([name]) => `${path} has no ${name}, which is required`);
    const inside = Object.entries(value).flatMap(([name, one]) => {
      const [place, flags] = has[name] ?? [];
      const here = `${path}.${name}`;
      if (place === undefined) return rest === undefined ? [`${here} is not known`] : this.check(rest, one, here);
      return (flags ?? 0) & READ_ONLY ? [`${here} is read-only`] : this.check(place, one, here);
    });
    return [...missing, ...inside];
  }
}
