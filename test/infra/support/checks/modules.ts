/** A module and those who call it: parameters, outputs, files, and where it is deployed. */
import { resolveType } from '../bicep/fits.ts';
import { at, beside, type Project } from '../bicep/project.ts';
import type { BicepFile, Expression, Module } from '../bicep/syntax.ts';
import { chain, everyExpression, propertyOf } from '../bicep/walk.ts';

interface Call {
  readonly path: string;
  readonly file: BicepFile;
  readonly module: Module;
  readonly target: string;
  readonly called: BicepFile | undefined;
}

function calls({ files }: Project): readonly Call[] {
  return [...files].flatMap(([path, file]) =>
    file.modules.map((module) => {
      const target = beside(path, module.path);
      return { path, file, module, target, called: files.get(target) };
    }),
  );
}

export function moduleParameters(project: Project): readonly string[] {
  return calls(project).flatMap(({ path, module, called }) => {
    const where = `${at(path, module.line)}: ${module.name}`;
    if (called === undefined) return [`${where} is ${module.path}, which is not there`];
    const given = propertyOf(module.body, 'params');
    if (given !== undefined && given.kind !== 'object') return [`${where} gets its parameters from an expression`];
    const names = given?.properties.map(({ name = '' }) => name) ?? [];
    const known = called.parameters.map(({ name }) => name);
    const required = called.parameters.filter((one) => one.default === undefined && one.type.kind !== 'nullable');
    return [
      ...names
        .filter((name) => !known.includes(name))
        .map((name) => `${where} is given ${name}, which it does not take`),
      ...required.filter(({ name }) => !names.includes(name)).map(({ name }) => `${where} is not given ${name}`),
    ];
  });
}

/** An output that is read is there. */
export function moduleOutputs({ files }: Project): readonly string[] {
  return [...files].flatMap(([path, file]) =>
    [...everyExpression(file)].flatMap(([one]) => {
      const names = chain(one);
      if (one.kind !== 'member' || names?.length !== 3 || names[1] !== 'outputs') return [];
      const [symbol, , output = ''] = names;
      const module = file.modules.find(({ name }) => name === symbol);
      const target = module === undefined ? undefined : files.get(beside(path, module.path));
      const known = target === undefined || target.outputs.some(({ name }) => name === output);
      return known ? [] : [`${at(path, one.line)}: ${symbol ?? ''} has no output ${output}`];
    }),
  );
}

/** Every file is a module of another, is imported by another, or is the entry. */
export function unusedFiles(project: Project, entries: readonly string[]): readonly string[] {
  const used = new Set(calls(project).map(({ target }) => target));
  for (const [path, { imports }] of project.files) for (const { from } of imports) used.add(beside(path, from));
  return [...project.files.keys()]
    .filter((path) => path.endsWith('.bicep') && !entries.includes(path) && !used.has(path))
    .map((path) => `${path}: no file uses it`);
}

export function parameterFiles({ files }: Project): readonly string[] {
  return [...files].flatMap(([path, file]) => {
    if (!path.endsWith('.bicepparam')) return [];
    const { using = '', assigned } = file;
    const target = files.get(beside(path, using));
    if (target === undefined) return [`${path}: is for ${using}, which is not there`];
    const known = target.parameters.map(({ name }) => name);
    const names = assigned.map(({ name }) => name);
    const required = target.parameters.filter((one) => one.default === undefined && one.type.kind !== 'nullable');
    return [
      ...assigned
        .filter(({ name }) => !known.includes(name))
        .map((one) => `${at(path, one.line)}: ${using} has no parameter ${one.name}`),
      ...required.filter(({ name }) => !names.includes(name)).map(({ name }) => `${path}: does not say ${name}`),
    ];
  });
}

/** No module is named: the name would say nothing, and two deployments at a time would be in each other's way. */
export function moduleNames(project: Project): readonly string[] {
  return calls(project)
    .filter(({ module }) => propertyOf(module.body, 'name') !== undefined)
    .map(({ path, module }) => `${at(path, module.line)}: ${module.name} has a name; leave it to the compiler`);
}

/**
 * From a subscription a module of a resource group needs its scope, and where what is looped over may name a subscription, the scope
 * has to say it too: `resourceGroup(v.subscriptionId, v.resourceGroupName)`.
 */
export function moduleScopes(project: Project): readonly string[] {
  return calls(project).flatMap(({ path, file, module, called }) => {
    const where = `${at(path, module.line)}: ${module.name}`;
    const scope = propertyOf(module.body, 'scope');
    if (called !== undefined && called.targetScope !== file.targetScope && scope === undefined) {
      return [`${where} is for a ${called.targetScope}, and has no scope`];
    }
    const elsewhere = module.loop !== undefined && mayNameSubscription(project, path, file, module.loop.over);
    const short = scope?.kind === 'call' && scope.name === 'resourceGroup' && scope.args.length < 2;
    return elsewhere && short ? [`${where} may be in another subscription, which its scope does not say`] : [];
  });
}

function mayNameSubscription(project: Project, path: string, file: BicepFile, over: Expression): boolean {
  const name = chain(over)?.[0];
  const parameter = file.parameters.find((one) => one.name === name);
  if (parameter?.type.kind !== 'array') return false;
  const item = resolveType({ path, file, world: { project } }, parameter.type.of)?.type;
  return item?.kind === 'object' && item.properties.some((one) => one.name === 'subscriptionId');
}

/** In a file for a subscription, an existing resource of a resource group has to say which. */
export function existingScopes({ files }: Project): readonly string[] {
  const global = /^Microsoft\.(?:Resources\/resourceGroups|Authorization|Management|Policy)/i;
  return [...files].flatMap(([path, file]) =>
    file.resources
      .filter(({ existing, inside, type }) => existing && inside === undefined && !global.test(type))
      .filter(({ body }) => propertyOf(body, 'parent') === undefined && propertyOf(body, 'scope') === undefined)
      .filter(() => file.targetScope !== 'resourceGroup')
      .map(
        ({ name, line }) => `${at(path, line)}: ${name} exists in a resource group, and has no scope that says which`,
      ),
  );
}
