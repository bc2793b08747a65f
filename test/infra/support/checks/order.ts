/** What has to be there before: an event that is refused for want of a role is not delivered again. */
import { at, beside, type Project } from '../bicep/project.ts';
import type { BicepFile, Expression, Module } from '../bicep/syntax.ts';
import { everyExpression, propertyOf, within } from '../bicep/walk.ts';

/** A module that makes such a resource waits, maybe through others, for a module that assigns roles. */
const AFTER_ROLES: Readonly<Record<string, string>> = {
  'Microsoft.EventGrid/systemTopics/eventSubscriptions': 'an event that is refused is dropped',
  'Microsoft.Web/sites': 'the host starts without its storage',
};

/** What the system topics are granted; every other role in the templates is the app's. */
const OF_TOPICS = 'Storage Queue Data Message Sender';
const isForTopics = (type: string): boolean => type.startsWith('Microsoft.EventGrid/');

/** It is deployed when the first step is done, and that one has assigned the roles. */
const SECOND_STEP = 'infra/function-delivery.bicep';

export function rolesFirst(project: Project): readonly string[] {
  return [...project.files].flatMap(([path, file]) =>
    file.modules.flatMap((module) => {
      const target = beside(path, module.path);
      const [type = '', why] = Object.entries(AFTER_ROLES).find(([one]) => makes(project, target, one)) ?? [];
      if (why === undefined || ordersItself(project, target) || path === SECOND_STEP) return [];
      const waitsFor = reached(file, module.name, new Set());
      const grants = file.modules.filter((one) => {
        const granting = beside(path, one.path);
        const ofTopics = project.texts.get(granting)?.includes(OF_TOPICS) === true;
        return makes(project, granting, 'Microsoft.Authorization/roleAssignments') && ofTopics === isForTopics(type);
      });
      const late = grants.filter(({ name }) => !waitsFor.has(name)).map(({ name }) => name);
      if (grants.length > 0 && late.length === 0) return [];
      return [
        `${at(path, module.line)}: ${module.name} does not wait for roles${late.map((name) => ` of ${name}`).join(',')}: ${why}`,
      ];
    }),
  );
}

/** Whether a file itself declares a resource of the type, or a module in it does. */
function makes({ files }: Project, path: string, type: string): boolean {
  const file = files.get(path);
  if (file === undefined) return /role-assignment/.test(path) && type.endsWith('roleAssignments');
  if (file.resources.some((one) => !one.existing && one.type === type)) return true;
  return file.modules.some((one) => makes({ files, texts: new Map(), mistakes: [] }, beside(path, one.path), type));
}

/** The file assigns roles itself, and what needs them depends on those. */
function ordersItself({ files }: Project, path: string): boolean {
  const file = files.get(path);
  const assignments = file?.resources.filter(({ type }) => type === 'Microsoft.Authorization/roleAssignments') ?? [];
  const late = file?.resources.filter(({ type, existing }) => !existing && type in AFTER_ROLES) ?? [];
  return (
    file !== undefined &&
    late.length > 0 &&
    late.every(({ name }) => {
      const before = reached(file, name, new Set());
      return assignments.some((one) => before.has(one.name));
    })
  );
}

/** Symbols that something refers to, directly or through others and variables. */
function reached(file: BicepFile, symbol: string, seen: Set<string>): ReadonlySet<string> {
  const thing: Module | undefined = [...file.modules, ...file.resources].find(({ name }) => name === symbol) as
    Module | undefined;
  const variable = file.variables.find(({ name }) => name === symbol);
  const roots: readonly (Expression | undefined)[] = [
    thing?.body,
    thing?.condition,
    thing?.loop?.over,
    variable?.value,
  ];
  for (const root of roots) {
    if (root === undefined) continue;
    for (const [one] of within(root)) {
      if (one.kind !== 'name' || seen.has(one.name)) continue;
      seen.add(one.name);
      reached(file, one.name, seen);
    }
  }
  return seen;
}

/** `dependsOn` only where nothing else says it. */
export function needlessOrder({ files }: Project): readonly string[] {
  return [...files].flatMap(([path, file]) =>
    [...file.resources, ...file.modules].flatMap(({ name: symbol, body }) => {
      const order = propertyOf(body, 'dependsOn');
      if (order?.kind !== 'array') return [];
      const elsewhere = new Set<string>();
      for (const [one, , owner] of everyExpression(file)) {
        const inOrder = [...within(order)].some(([candidate]) => candidate === one);
        if (owner === symbol && one.kind === 'name' && !inOrder) elsewhere.add(one.name);
      }
      return order.items
        .filter((item) => item.kind === 'name' && elsewhere.has(item.name))
        .map((item) => `${at(path, item.line)}: ${symbol} depends on ${item.kind === 'name' ? item.name : ''} already`);
    }),
  );
}
