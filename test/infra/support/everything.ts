/** All the checks over a repository's templates, by the name of what each is about. */
import { appChecks, settingsIn, type Code, type Scenario } from './checks/app.ts';
import * as language from './checks/language.ts';
import * as modules from './checks/modules.ts';
import * as names from './checks/names.ts';
import * as order from './checks/order.ts';
import { bodyProblems } from './checks/resource-bodies.ts';
import { columns, metrics } from './checks/alerts.ts';
import { baseline, onPremium, platformSettings, signIn } from './checks/baseline.ts';
import { grants, policies } from './checks/grants.ts';
import * as reads from './checks/reads.ts';
import * as roles from './checks/roles.ts';
import * as secrets from './checks/secrets.ts';
import * as symbols from './checks/symbols.ts';
import { typedAccess } from './checks/typed.ts';
import * as wording from './checks/wording.ts';
import { at, type Project } from './bicep/project.ts';
import type { TypeData } from './resource-types/shapes.ts';

export interface Given {
  readonly project: Project;
  readonly entries: readonly string[];
  readonly scenarios: readonly Scenario[];
  readonly code: Code;
  readonly types: TypeData;
  readonly roles: roles.Verified;
  /** GUIDs that are no roles: policies, applications of Microsoft's, placeholders. */
  readonly otherGuids: roles.Verified;
}

type Check = (given: Given) => readonly string[];
const resources = ({ scenarios }: Given) => scenarios.map((one) => one.resources);
const once = (problems: readonly string[]): readonly string[] => [...new Set(problems)];

export const CHECKS: Readonly<Record<string, Check>> = {
  'every name is declared': ({ project }) => symbols.undeclared(project),
  'no name is declared twice': ({ project }) => symbols.declaredTwice(project),
  'everything declared is used': ({ project }) => symbols.unused(project),
  'what is imported is exported': ({ project }) => symbols.imports(project),
  'loops are where they may be': ({ project }) => language.misplacedLoops(project),
  'functions use what they can see': ({ project }) => language.closedFunctions(project),
  'what is asked of the scope is there': ({ project }) => language.scopeFunctions(project),
  'of many the one is said': ({ project }) => language.wholeCollections(project),
  'decorators are those of Bicep': ({ project }) => language.decorators(project),
  'resources have a name and a version': ({ project }) => language.bodies(project),
  'properties are in the declared types': ({ project }) => typedAccess(project),
  'modules get the parameters that they take': ({ project }) => modules.moduleParameters(project),
  'outputs that are read exist': ({ project }) => modules.moduleOutputs(project),
  'what is read of a resource is there': ({ project, types }) => reads.resourceReads(project, types),
  'modules have what modules have': ({ project }) => reads.moduleMembers(project),
  'values are compared with such as there are': ({ project }) => reads.comparisons(project),
  'resources are where the deployment says': ({ project }) => reads.locations(project),
  'every file is used': ({ project, entries }) => modules.unusedFiles(project, entries),
  'parameter files give the parameters that there are': ({ project }) => modules.parameterFiles(project),
  'modules have no names': ({ project }) => modules.moduleNames(project),
  'modules say where they go': ({ project }) => modules.moduleScopes(project),
  'what exists is looked for where it is': ({ project }) => modules.existingScopes(project),
  'everything is described': ({ project }) => wording.descriptions(project),
  'no type is open': ({ project }) => wording.openTypes(project),
  'no host of one cloud is written down': ({ project }) => wording.cloudHosts(project),
  'nothing deprecated is used': ({ project }) => wording.deprecated(project),
  'a child names its parent by symbol': ({ project }) => wording.compoundNames(project),
  'no secret is given away': ({ project }) => secrets.secretOutputs(project),
  'secret parameters are secure': ({ project }) => secrets.secretParameters(project),
  'no key is read': ({ project }) => secrets.keysRead(project),
  'names are the same on every deployment': ({ project }) => names.changingNames(project),
  'what decides on a resource is known before': ({ project }) => names.lateNames(project),
  'role assignments are named by what they grant': ({ project }) => names.assignmentNames(project),
  'names are such as Azure takes': (given) => once(resources(given).flatMap(names.nameLimits)),
  'no resource is declared twice': (given) => once(resources(given).flatMap(names.sameTwice)),
  'every resource is in some scenario': ({ project, scenarios }) => undeployed(project, scenarios),
  'every resource is as Azure describes it': (given) =>
    once(resources(given).flatMap((all) => all.flatMap((one) => bodyProblems(given.types, one)))),
  'roles of the map are verified, and granted': (given) => roles.roleMap(given.project, given.roles),
  'policies that are assigned are known': ({ scenarios, otherGuids }) => policies(scenarios, otherGuids),
  'the security baseline is kept': ({ scenarios }) => baseline(scenarios),
  'the log-in is as the app is told': ({ scenarios }) => once(signIn(scenarios)),
  'the platform has its settings': ({ scenarios }) => once(platformSettings(settingsOf(scenarios))),
  'metrics are such as there are': ({ scenarios }) => metrics(scenarios),
  'queries give what is measured': ({ scenarios }) => columns(scenarios),
  'what is granted is known': ({ scenarios, roles: verified }) => grants(scenarios, verified),
  'roles are looked up in the map': ({ project }) => roles.roleNames(project),
  'every GUID is known': (given) => roles.guids(given.project, given.roles, given.otherGuids),
  'roles come before what needs them': ({ project }) => order.rolesFirst(project),
  'no order is said twice': ({ project }) => order.needlessOrder(project),
  ...Object.fromEntries(
    Object.entries(appChecks).map(([name, check]): [string, Check] => [
      name,
      ({ scenarios, code }) => check(scenarios, code),
    ]),
  ),
};

function settingsOf(scenarios: readonly Scenario[]): Parameters<typeof platformSettings>[0] {
  return scenarios.flatMap(({ resources: all }) =>
    settingsIn(all).map(({ where, values }) => [where, values, onPremium(all)] as const),
  );
}

/** A resource that no scenario deploys is one that nothing was checked of. */
function undeployed({ files }: Project, scenarios: readonly Scenario[]): readonly string[] {
  const seen = new Set(scenarios.flatMap(({ resources: all }) => all.map(({ path, symbol }) => `${path}#${symbol}`)));
  return [...files].flatMap(([path, { resources: declared }]) =>
    declared
      .filter(({ name }) => !seen.has(`${path}#${name}`))
      .map(
        ({ name, line }) =>
          `${at(path, line)}: ${name} is deployed in no scenario; add one to test/infra/support/scenarios.ts`,
      ),
  );
}
