import { called, FUNCTIONS, HIGHER, PLACED } from './functions.ts';
import { fits } from './fits.ts';
import { placed, placeId, placeOf, runtime, typedPath, type Place } from './place.ts';
import { beside, type Project } from './project.ts';
import type { BicepFile, Expression, Loop, Module, Resource } from './syntax.ts';
import { Absent, isFields, isList, textOf, Unknown, type Fields, type Value } from './values.ts';

export interface Deployed {
  readonly path: string;
  readonly line: number;
  readonly symbol: string;
  readonly type: string;
  readonly version: string;
  readonly name: string;
  readonly id: string;
  readonly existing: boolean;
  readonly body: Fields;
}

export interface World {
  readonly project: Project;
  readonly deployed: (resource: Deployed) => void;
  readonly problem: (path: string, line: number, text: string) => void;
  /** Of files that others import from, by path. */
  readonly frames: Map<string, Frame>;
  /** What `readEnvironmentVariable` finds. */
  readonly env?: Fields;
}

type Locals = ReadonlyMap<string, Value>;
const NO_LOCALS: Locals = new Map();

/** One file with its parameters, deployed to one place. */
export class Frame {
  readonly path: string;
  readonly file: BicepFile;
  readonly world: World;
  readonly #given: Fields;
  readonly #place: Place;
  readonly #known = new Map<string, Value>();
  readonly #working = new Set<string>();
  /** Values that are resources or in one, with the resource and the path in it: what is not there is known later. */
  readonly #open = new WeakMap<object, { readonly resource: Fields; readonly path: string }>();

  constructor(world: World, path: string, file: BicepFile, given: Fields, place: Place) {
    this.world = world;
    this.path = path;
    this.file = file;
    this.#given = given;
    this.#place = place;
  }

  /** Deploys everything in the file. @returns its outputs */
  run(): Fields {
    for (const { name } of [...this.file.resources, ...this.file.modules]) this.#named(name, 0);
    return Object.fromEntries(this.file.outputs.map(({ name, value }) => [name, this.evaluate(value)]));
  }

  evaluate(expression: Expression, locals: Locals = NO_LOCALS): Value {
    const { line } = expression;
    const inner = (one: Expression): Value => this.evaluate(one, locals);
    switch (expression.kind) {
      case 'literal':
        return expression.value;
      case 'template':
        return expression.pieces.reduce((whole, piece, index) => {
          const hole = expression.holes[index - 1];
          return whole + (hole === undefined ? '' : textOf(inner(hole))) + piece;
        }, '');
      case 'object':
        return this.#object(expression, locals);
      case 'array':
        return expression.items.flatMap((item) => {
          const value = inner(item.kind === 'spread' ? item.of : item);
          return item.kind === 'spread' && isList(value) ? value : [value];
        });
      case 'spread':
        return inner(expression.of);
      case 'name':
        return locals.get(expression.name) ?? this.#named(expression.name, line);
      case 'member':
        return this.#member(inner(expression.of), expression, line);
      case 'index':
        return this.#index(inner(expression.of), inner(expression.index), expression, line);
      case 'nested':
        return this.#named(expression.name, line);
      case 'call':
        return this.#call(expression, locals);
      case 'unary': {
        const value = inner(expression.of);
        if (value instanceof Unknown) return value;
        return expression.operator === '!' ? value !== true : expression.operator === '-' ? -Number(value) : value;
      }
      case 'binary':
        return this.#binary(expression, locals);
      case 'ternary':
        return inner(expression.condition) === false ? inner(expression.no) : inner(expression.yes);
      case 'lambda':
        return new Unknown('a lambda');
      case 'for':
        return this.#each(expression, locals, (here) => this.evaluate(expression.body, here)).flatMap(({ value }) => [
          value,
        ]);
    }
  }

  #object(expression: Expression & { kind: 'object' }, locals: Locals): Fields {
    const spread = expression.spreads.map((one) => this.evaluate(one, locals)).filter(isFields);
    const own = expression.properties.map(({ name, computed, value }): [string, Value] => [
      name ?? (computed === undefined ? '' : textOf(this.evaluate(computed, locals))),
      this.evaluate(value, locals),
    ]);
    return Object.assign({}, ...spread, Object.fromEntries(own)) as Fields;
  }

  #binary({ operator, left, right, line }: Expression & { kind: 'binary' }, locals: Locals): Value {
    const a = this.evaluate(left, locals);
    if (operator === '??') return a === null || a instanceof Absent ? this.evaluate(right, locals) : a;
    if (operator === '&&' && a === false) return false;
    if (operator === '||' && a === true) return true;
    const b = this.evaluate(right, locals);
    if (a instanceof Unknown || b instanceof Unknown) return new Unknown(`${textOf(a)} ${operator} ${textOf(b)}`);
    const [x, y] = [Number(a), Number(b)];
    const [low, high] = [textOf(a).toLowerCase(), textOf(b).toLowerCase()];
    const answers: Readonly<Record<string, Value>> = {
      ...{ '&&': a === true && b === true, '||': a === true || b === true },
      ...{ '==': JSON.stringify(a) === JSON.stringify(b), '!=': JSON.stringify(a) !== JSON.stringify(b) },
      ...{ '=~': low === high, '!~': low !== high, '<': x < y, '>': x > y, '<=': x <= y, '>=': x >= y },
      ...{ '+': x + y, '-': x - y, '*': x * y, '/': Math.trunc(x / y), '%': x % y },
    };
    return answers[operator] ?? this.#wrong(line, `${operator} is not known`);
  }

  #member(of: Value, expression: Expression & { kind: 'member' }, line: number): Value {
    const { name, safe } = expression;
    if (of instanceof Unknown) return new Unknown(`${of.text}.${name}`);
    if (of === null || of instanceof Absent) {
      if (safe || isSafe(expression.of)) return null;
      const what = of === null ? 'null' : `${of.symbol}, which is not deployed here`;
      return this.#wrong(line, `reads ${name} of ${what}`);
    }
    if (!isFields(of)) return this.#wrong(line, `reads ${name} of ${textOf(of).slice(0, 60)}`);
    return this.#property(of, name, safe, line);
  }

  #property(of: Fields, name: string, safe: boolean, line: number): Value {
    const open = this.#open.get(of);
    const value = of[name];
    if (open === undefined) return value ?? (safe || name in of ? null : this.#wrong(line, `there is no ${name}`));
    const path = open.path === '' ? name : `${open.path}.${name}`;
    if (isFields(value)) this.#open.set(value, { resource: open.resource, path });
    if (value instanceof Absent && safe) return null;
    return value ?? runtime(open.resource, path) ?? this.#later(open.resource, path);
  }

  /** Something of a resource that its own body does not say; what is in it can be asked for in its turn. */
  #later(resource: Fields, path: string): Value {
    if (/^(?:properties|identity|sku)$|primaryEndpoints$/.test(path)) {
      const value = {};
      this.#open.set(value, { resource, path });
      return value;
    }
    return new Unknown(`${textOf(resource['name'] ?? '')}.${path}`);
  }

  #index(of: Value, index: Value, { safe }: Expression & { kind: 'index' }, line: number): Value {
    if (of instanceof Unknown || index instanceof Unknown) return new Unknown(`${textOf(of)}[${textOf(index)}]`);
    if (isFields(of)) return this.#property(of, textOf(index), safe, line);
    if (isList(of) && of[Number(index)] !== undefined) return of[Number(index)] ?? null;
    return safe ? null : this.#wrong(line, `there is no [${textOf(index)}] in ${textOf(of).slice(0, 60)}`);
  }

  #call(expression: Expression & { kind: 'call' }, locals: Locals): Value {
    const { of, name, line } = expression;
    const own = of === undefined ? this.#ownFunction(name) : this.#libraryFunction(of, name);
    const lambdas = expression.args.filter((one) => one.kind === 'lambda');
    const values = expression.args.filter((one) => one.kind !== 'lambda').map((one) => this.evaluate(one, locals));
    if (own !== undefined) return own(values);
    if (of !== undefined && !(of.kind === 'name' && /^(?:az|sys)$/.test(of.name))) return new Unknown(`${name}()`);
    const [first, second] = lambdas.map((one) => this.#function(one, locals));
    const higher = HIGHER[name];
    if (higher !== undefined && first !== undefined) {
      return values.some((one) => one instanceof Unknown) ? new Unknown(`${name}()`) : higher(values, first, second);
    }
    if (name === 'nameof') return new Unknown('a name');
    if (PLACED.includes(name)) return this.#placed(name, values, line);
    if (name in FUNCTIONS && !(name in HIGHER)) return called(name, values);
    return new Unknown(`${name}()`);
  }

  #placed(name: string, args: readonly Value[], line: number): Value {
    const [first = '', fallback] = args;
    if (name === 'readEnvironmentVariable') return this.world.env?.[textOf(first)] ?? fallback ?? '';
    if (name === 'utcNow' || name === 'newGuid' || name === 'reference') return new Unknown(`${name}()`);
    if (!name.startsWith('load')) return placed(name, args, this.#place);
    const text = this.world.project.texts.get(beside(this.path, textOf(first)));
    if (text === undefined) return this.#wrong(line, `loads ${textOf(first)}, which is not there`);
    return name === 'loadJsonContent' ? (JSON.parse(text) as Value) : text;
  }

  #function(lambda: Expression & { kind: 'lambda' }, locals: Locals): (...args: Value[]) => Value {
    return (...args) => {
      const named = lambda.names.map((name, index): [string, Value] => [name, args[index] ?? null]);
      return this.evaluate(lambda.body, new Map([...locals, ...named]));
    };
  }

  #ownFunction(name: string): ((args: readonly Value[]) => Value) | undefined {
    const declared = this.file.functions.find((one) => one.name === name);
    if (declared === undefined) {
      const imported = this.#imported(name);
      return imported === undefined ? undefined : imported.frame.#ownFunction(imported.name);
    }
    return (args) =>
      this.evaluate(declared.body, new Map(declared.parameters.map((one, index) => [one.name, args[index] ?? null])));
  }

  #libraryFunction(of: Expression, name: string): ((args: readonly Value[]) => Value) | undefined {
    const library = of.kind === 'name' ? this.file.imports.find(({ all }) => all === of.name) : undefined;
    const frame = library === undefined ? undefined : this.#frameOf(library.from);
    return frame === undefined ? undefined : frame.#ownFunction(name);
  }

  #imported(name: string): { readonly frame: Frame; readonly name: string } | undefined {
    for (const { from, names } of this.file.imports) {
      const one = names.find(({ as }) => as === name);
      const frame = one === undefined ? undefined : this.#frameOf(from);
      if (one !== undefined && frame !== undefined) return { frame, name: one.name };
    }
    return undefined;
  }

  #frameOf(from: string): Frame | undefined {
    const path = beside(this.path, from);
    const file = this.world.project.files.get(path);
    if (file === undefined) return undefined;
    const frame = this.world.frames.get(path) ?? new Frame(this.world, path, file, {}, this.#place);
    this.world.frames.set(path, frame);
    return frame;
  }

  #named(name: string, line: number): Value {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    if (this.#working.has(name)) return this.#wrong(line, `${name} depends on itself`);
    this.#working.add(name);
    const value = this.#worked(name, line);
    this.#working.delete(name);
    this.#known.set(name, value);
    return value;
  }

  #worked(name: string, line: number): Value {
    const { parameters, variables, resources, modules } = this.file;
    const parameter = parameters.find((one) => one.name === name);
    if (parameter !== undefined) {
      const given = this.#given[name] ?? null;
      if (given !== null) return given;
      if (parameter.default !== undefined) return this.evaluate(parameter.default);
      return parameter.type.kind === 'nullable' ? null : new Unknown(name);
    }
    const variable = [...variables, ...this.file.assigned].find((one) => one.name === name);
    if (variable !== undefined) return this.evaluate(variable.value);
    const resource = resources.find((one) => one.name === name);
    if (resource !== undefined) return this.#repeated(resource, (locals, on) => this.#resource(resource, locals, on));
    const module = modules.find((one) => one.name === name);
    if (module !== undefined) return this.#repeated(module, (locals, on) => this.#module(module, locals, on));
    const imported = this.#imported(name);
    if (imported !== undefined) return imported.frame.#named(imported.name, line);
    const library = this.file.imports.find(({ all }) => all === name);
    const frame = library === undefined ? undefined : this.#frameOf(library.from);
    if (frame === undefined) return this.#wrong(line, `${name} is not declared`);
    return Object.fromEntries(frame.file.variables.map((one) => [one.name, frame.#named(one.name, line)]));
  }

  #repeated(one: Resource | Module, make: (locals: Locals, on: boolean) => Value): Value {
    const { loop, condition } = one;
    const on = (locals: Locals): boolean => condition === undefined || this.evaluate(condition, locals) !== false;
    if (loop === undefined) return make(NO_LOCALS, on(NO_LOCALS));
    return this.#each(loop, NO_LOCALS, (locals) => make(locals, on(locals))).map(({ value }) => value);
  }

  #each(
    loop: Loop & { readonly line?: number },
    locals: Locals,
    make: (locals: Locals) => Value,
  ): readonly { value: Value }[] {
    const over = this.evaluate(loop.over, locals);
    const all = isList(over) ? over : over === null ? [] : [new Unknown(loop.item)];
    return all.flatMap((item, index) => {
      const here = new Map([
        ...locals,
        [loop.item, item],
        ...(loop.index === undefined ? [] : [[loop.index, index] as const]),
      ]);
      const keep = 'body' in loop && loop.condition !== undefined ? this.evaluate(loop.condition, here) : true;
      return keep === false ? [] : [{ value: make(here) }];
    });
  }

  #resource(resource: Resource, locals: Locals, on: boolean): Value {
    const { name: symbol, type, version, existing, line, inside } = resource;
    const body = this.#object(resource.body, locals);
    const { name = '', parent = inside === undefined ? undefined : this.#named(inside, line), scope } = body;
    const own = textOf(name);
    const value: Record<string, Value> = {
      ...body,
      id: this.#id(type, own, parent, scope),
      name: own,
      type,
      apiVersion: version,
    };
    if (!on) value['properties'] = new Absent(symbol);
    this.#open.set(value, { resource: value, path: '' });
    if (on) {
      const { path } = this;
      const id = textOf(value['id'] ?? '');
      this.world.deployed({ path, line, symbol, type, version, existing, name: own, id, body });
    }
    return value;
  }

  #id(type: string, name: string, parent: Value | undefined, scope: Value | undefined): string {
    if (isFields(parent)) return `${textOf(parent['id'] ?? '')}/${type.split('/').at(-1) ?? ''}/${name}`;
    if (isFields(scope)) return `${textOf(scope['id'] ?? '')}/providers${typedPath([type, ...name.split('/')])}`;
    const { subscriptionId } = this.#place;
    if (/^Microsoft\.Resources\/resourceGroups$/i.test(type)) return placeId({ subscriptionId, resourceGroup: name });
    return `${placeId(this.#place)}/providers${typedPath([type, ...name.split('/')])}`;
  }

  #module(module: Module, locals: Locals, on: boolean): Value {
    const { path: relative, name: symbol, line } = module;
    const path = beside(this.path, relative);
    const file = this.world.project.files.get(path);
    if (!on || file === undefined) return { name: symbol, outputs: new Absent(symbol) };
    const { scope, params = {} } = this.#object(module.body, locals);
    const place = scope === undefined ? this.#place : placeOf(scope);
    const wants = file.targetScope;
    const is = place?.resourceGroup === undefined ? 'subscription' : 'resourceGroup';
    if (place === undefined) this.#wrong(line, `the scope of ${symbol} is neither a subscription nor a resource group`);
    else if (wants !== is) this.#wrong(line, `${symbol} is for a ${wants}, and is deployed to a ${is}`);
    const given = isFields(params) ? params : {};
    const frame = new Frame(this.world, path, file, given, place ?? this.#place);
    for (const { name, type, decorators } of file.parameters) {
      const value = given[name];
      if (value === undefined) continue;
      for (const problem of fits(frame, type, value, name, decorators)) this.#wrong(line, `${symbol}: ${problem}`);
    }
    return { name: symbol, outputs: frame.run() };
  }

  #wrong(line: number, text: string): Unknown {
    this.world.problem(this.path, line, text);
    return new Unknown(text);
  }
}

/** Whether an earlier `.?` ends the whole chain with null. */
function isSafe(expression: Expression): boolean {
  if (expression.kind !== 'member' && expression.kind !== 'index') return false;
  return expression.safe || isSafe(expression.of);
}
