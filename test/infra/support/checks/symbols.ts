/** Names: every one that is used is declared, every one that is declared is used. */
import { isFunction } from '../bicep/functions.ts';
import { at, beside, type Project } from '../bicep/project.ts';
import type { BicepFile } from '../bicep/syntax.ts';
import { decoratorsOf, everyExpression, everyType, typeNames, within } from '../bicep/walk.ts';

const PRIMITIVES = ['string', 'int', 'bool', 'object', 'array', 'any', 'secureString', 'secureObject'];
const NAMESPACES = ['az', 'sys'];

/** The names in a file that expressions may say; types apart, as imports may be either. */
function declared(file: BicepFile): ReadonlySet<string> {
  const named = [file.parameters, file.variables, file.resources, file.modules, file.assigned].flat();
  return new Set([...named.map(({ name }) => name), ...importedNames(file), ...NAMESPACES]);
}

function importedNames({ imports }: BicepFile): readonly string[] {
  return imports.flatMap(({ names, all }) => [...names.map(({ as }) => as), ...(all === undefined ? [] : [all])]);
}

export function undeclared({ files }: Project): readonly string[] {
  const problems: string[] = [];
  for (const [path, file] of files) {
    const known = declared(file);
    const functions = new Set([...file.functions.map(({ name }) => name), ...importedNames(file)]);
    for (const [one, locals] of everyExpression(file)) {
      const where = at(path, one.line);
      if (one.kind === 'name' && !known.has(one.name) && !locals.includes(one.name)) {
        problems.push(`${where}: ${one.name} is not declared`);
      }
      if (one.kind === 'nested' && !known.has(one.name)) problems.push(`${where}: ${one.name} is not declared`);
      if (one.kind === 'call' && one.of === undefined && !functions.has(one.name) && !isFunction(one.name)) {
        problems.push(`${where}: there is no function ${one.name}`);
      }
    }
    const types = new Set([...file.types.map(({ name }) => name), ...importedNames(file), ...PRIMITIVES]);
    for (const [type] of everyType(file)) {
      for (const [name, line] of typeNames(type)) {
        if (!types.has(name)) problems.push(`${at(path, line)}: there is no type ${name}`);
      }
    }
  }
  return problems;
}

/** Declared twice, in whatever way: they share one name space. */
export function declaredTwice({ files }: Project): readonly string[] {
  return [...files].flatMap(([path, file]) => {
    const { parameters, variables, types, functions, resources, modules } = file;
    const named = [parameters, variables, types, functions, resources, modules].flat();
    const names = [...named.map(({ name }) => name), ...importedNames(file)];
    const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index));
    return [...twice].map((name) => `${path}: ${name} is declared twice`);
  });
}

/** Outputs and exported things are for others; the rest is for the file itself. */
export function unused(project: Project): readonly string[] {
  const problems: string[] = [];
  for (const [path, file] of project.files) {
    if (path.endsWith('.json')) continue;
    const used = usedIn(file);
    const own = [
      ...file.parameters.map((one) => ({ ...one, what: 'the parameter' })),
      ...[...file.variables, ...file.types, ...file.functions].map((one) => ({ ...one, what: one.name })),
      ...file.resources.filter(({ existing }) => existing).map((one) => ({ ...one, what: 'the existing resource' })),
    ];
    for (const { name, line, decorators, what } of own) {
      if (used.has(name) || decorators.some((one) => one.name === 'export')) continue;
      problems.push(`${at(path, line)}: ${what === name ? name : `${what} ${name}`} is not used`);
    }
    for (const name of importedNames(file))
      if (!used.has(name)) problems.push(`${path}: ${name} is imported and not used`);
  }
  return [...problems, ...unusedExports(project)];
}

function usedIn(file: BicepFile): ReadonlySet<string> {
  const used = new Set<string>();
  for (const [one, locals] of everyExpression(file)) {
    if (one.kind === 'name' && !locals.includes(one.name)) used.add(one.name);
    if (one.kind === 'nested' || (one.kind === 'call' && one.of === undefined)) used.add(one.name);
  }
  for (const [type] of everyType(file)) for (const [name] of typeNames(type)) used.add(name);
  for (const { args } of decoratorsOf(file)) {
    for (const arg of args) for (const [one] of within(arg)) if (one.kind === 'name') used.add(one.name);
  }
  for (const { inside } of file.resources) if (inside !== undefined) used.add(inside);
  return used;
}

/** What is exported and neither imported by another file nor used in its own. */
function unusedExports({ files }: Project): readonly string[] {
  const imported = new Set<string>();
  for (const [path, { imports }] of files) {
    for (const { from, names, all } of imports) {
      for (const { name } of names) imported.add(`${beside(path, from)}#${name}`);
      if (all !== undefined) imported.add(`${beside(path, from)}#*`);
    }
  }
  return [...files].flatMap(([path, file]) => {
    const used = usedIn(file);
    return [...file.variables, ...file.types, ...file.functions]
      .filter(({ name, decorators }) => decorators.some((one) => one.name === 'export') && !used.has(name))
      .filter(({ name }) => !imported.has(`${path}#${name}`) && !imported.has(`${path}#*`))
      .map(({ name, line }) => `${at(path, line)}: ${name} is exported, and nobody imports it`);
  });
}

export function imports({ files }: Project): readonly string[] {
  return [...files].flatMap(([path, file]) =>
    file.imports.flatMap(({ from, names, line }) => {
      const other = files.get(beside(path, from));
      if (other === undefined) return [`${at(path, line)}: imports from ${from}, which is not there`];
      const exported = [...other.variables, ...other.types, ...other.functions]
        .filter(({ decorators }) => decorators.some((one) => one.name === 'export'))
        .map(({ name }) => name);
      return names
        .filter(({ name }) => !exported.includes(name))
        .map(({ name }) => `${at(path, line)}: ${from} does not export ${name}`);
    }),
  );
}
