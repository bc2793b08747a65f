/** What the compiler refuses, and what can be seen without one. */
import { at, type Project } from '../bicep/project.ts';
import type { Decorator, Expression, TypeNode } from '../bicep/syntax.ts';
import { decoratorsOf, everyExpression, everyType, propertyOf, rootsOf, within, written } from '../bicep/walk.ts';

/** BCP138: a loop is the value of a declaration or of a property, and in nothing else. */
export function misplacedLoops({ files }: Project): readonly string[] {
  return [...files].flatMap(([path, file]) =>
    rootsOf(file)
      .flatMap(({ expression }) => [...within(expression)])
      .flatMap(([one]) => holders(one).filter((inner) => inner.kind === 'for'))
      .map((loop) => `${at(path, loop.line)}: a loop cannot be in an expression: ${written(loop).slice(0, 40)}…`),
  );
}

/** What is in an expression that is neither an object nor a declaration. */
function holders(one: Expression): readonly Expression[] {
  if (one.kind === 'array') return one.items;
  if (one.kind === 'call') return one.args;
  if (one.kind === 'ternary') return [one.condition, one.yes, one.no];
  if (one.kind === 'binary') return [one.left, one.right];
  if (one.kind === 'lambda') return [one.body];
  return one.kind === 'spread' || one.kind === 'unary' || one.kind === 'member' || one.kind === 'index' ? [one.of] : [];
}

/** A function knows its parameters, variables and other functions, and neither parameters nor resources of the file. */
export function closedFunctions({ files }: Project): readonly string[] {
  return [...files].flatMap(([path, file]) => {
    const outside = [file.parameters, file.resources, file.modules].flat().map(({ name }) => name);
    return file.functions.flatMap(({ name: symbol, parameters, body }) =>
      [
        ...within(
          body,
          parameters.map(({ name }) => name),
        ),
      ].flatMap(([one, known]) =>
        one.kind === 'name' && !known.includes(one.name) && outside.includes(one.name)
          ? [`${at(path, one.line)}: ${symbol} uses ${one.name}, which a function cannot see`]
          : [],
      ),
    );
  });
}

/** `resourceGroup()` says where a resource group's deployment is; a subscription's has none. */
export function scopeFunctions({ files }: Project): readonly string[] {
  return [...files].flatMap(([path, file]) =>
    file.targetScope === 'resourceGroup'
      ? []
      : [...everyExpression(file)].flatMap(([one]) =>
          one.kind === 'call' && (one.name === 'resourceId' || (one.name === 'resourceGroup' && one.args.length === 0))
            ? [`${at(path, one.line)}: ${one.name}() is of no use for a ${file.targetScope}`]
            : [],
        ),
  );
}

/** BCP144: of many the one that is meant has to be said. */
export function wholeCollections({ files }: Project): readonly string[] {
  return [...files].flatMap(([path, file]) => {
    const many = [...file.resources, ...file.modules].filter(({ loop }) => loop !== undefined).map(({ name }) => name);
    return [...everyExpression(file)].flatMap(([one, locals]) => {
      const of = one.kind === 'member' || one.kind === 'nested' ? one.of : undefined;
      return of?.kind === 'name' && many.includes(of.name) && !locals.includes(of.name)
        ? [`${at(path, one.line)}: ${of.name} is many; say which`]
        : [];
    });
  });
}

const DECORATORS: readonly string[] = [
  ...['description', 'metadata', 'secure', 'allowed', 'minLength', 'maxLength', 'minValue', 'maxValue'],
  ...['export', 'sealed', 'discriminator', 'batchSize', 'onlyIfNotExists', 'retryOn', 'waitUntil'],
];
const SIZED = ['minLength', 'maxLength'];
const COUNTED = ['minValue', 'maxValue'];

/** Decorators that there are, on what they are for. */
export function decorators({ files }: Project): readonly string[] {
  return [...files].flatMap(([path, file]) => [
    ...[...decoratorsOf(file), ...[...everyType(file)].flatMap(([type]) => [...inTypes(type)])]
      .filter(({ name }) => !DECORATORS.includes(name))
      .map(({ name, line }) => `${at(path, line)}: there is no decorator @${name}`),
    ...file.parameters.flatMap(({ name, type, decorators: own, line }) => {
      const base = type.kind === 'nullable' ? type.of : type;
      const wrong = base.kind !== 'named' ? [] : base.name === 'string' || base.name === 'array' ? COUNTED : SIZED;
      const misplaced = ['string', 'array', 'int', 'bool'].includes(base.kind === 'named' ? base.name : '')
        ? own.filter((one) => wrong.includes(one.name))
        : [];
      return misplaced.map((one) => `${at(path, line)}: @${one.name} says nothing of ${name}`);
    }),
  ]);
}

function* inTypes(type: TypeNode): Generator<Decorator> {
  if (type.kind === 'array' || type.kind === 'nullable') yield* inTypes(type.of);
  if (type.kind === 'union') for (const one of type.members) yield* inTypes(one);
  if (type.kind !== 'object') return;
  for (const one of type.properties) {
    yield* one.decorators;
    yield* inTypes(one.type);
  }
}

const SCOPES = ['resourceGroup', 'subscription', 'managementGroup', 'tenant'];

/** A resource says its name, its type with a version, and of a child whose it is. */
export function bodies({ files }: Project): readonly string[] {
  return [...files].flatMap(([path, file]) => [
    ...(SCOPES.includes(file.targetScope) ? [] : [`${path}: there is no scope ${file.targetScope}`]),
    ...file.resources.flatMap(({ name: symbol, body, line, version, type, inside }) => [
      ...(type.split('/').length > 2 && inside === undefined && propertyOf(body, 'parent') === undefined
        ? [`${at(path, line)}: ${symbol} has no parent`]
        : []),
      ...(propertyOf(body, 'name') === undefined ? [`${at(path, line)}: ${symbol} has no name`] : []),
      ...(version === '' || !type.includes('/') ? [`${at(path, line)}: ${symbol} has no type with a version`] : []),
    ]),
  ]);
}
