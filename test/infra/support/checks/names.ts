/** Names of resources: the same on every deployment, known before it, and such as Azure takes. */
import type { Deployed } from '../bicep/deploy.ts';
import { at, type Project } from '../bicep/project.ts';
import type { BicepFile, Expression } from '../bicep/syntax.ts';
import { chain, everyExpression, propertyOf, within, written } from '../bicep/walk.ts';

export function changingNames({ files }: Project): readonly string[] {
  return [...files].flatMap(([path, file]) =>
    [...everyExpression(file)].flatMap(([one]) =>
      one.kind === 'call' && (one.name === 'utcNow' || one.name === 'newGuid')
        ? [`${at(path, one.line)}: ${one.name}() is another one on every deployment`]
        : [],
    ),
  );
}

/** BCP120, BCP178: what decides whether and where something is deployed may not come from the deployment. */
export function lateNames({ files }: Project): readonly string[] {
  return [...files].flatMap(([path, file]) => {
    const things = [...file.resources, ...file.modules];
    return things.flatMap(({ name: symbol, body, loop, condition }) => {
      const early = [
        ['name', propertyOf(body, 'name')],
        ['scope', propertyOf(body, 'scope')],
        ['condition', condition],
        ['loop', loop?.over],
      ] as const;
      return early.flatMap(([what, expression]) => {
        const late = expression === undefined ? undefined : lateIn(file, expression, []);
        return late === undefined
          ? []
          : [`${at(path, body.line)}: the ${what} of ${symbol} needs ${late}, which only the deployment tells`];
      });
    });
  });
}

const EARLY = ['id', 'name', 'type', 'apiVersion'];

function lateIn(file: BicepFile, expression: Expression, seen: readonly string[]): string | undefined {
  const longest = [...within(expression)].filter(([one]) => one.kind === 'member' || one.kind === 'name');
  for (const [one] of longest) {
    const names = chain(one) ?? [];
    const [head = '', second] = names;
    if (file.modules.some(({ name }) => name === head) && second === 'outputs') return written(one);
    if (file.resources.some(({ name }) => name === head) && second !== undefined && !EARLY.includes(second)) {
      const resource = file.resources.find(({ name }) => name === head);
      // What the body itself says is known: `location` of one that is made here.
      if (
        resource?.existing !== false ||
        propertyOf(resource.body, second) === undefined ||
        second === 'properties' ||
        second === 'identity'
      )
        return written(one);
    }
    const variable =
      names.length === 1 && !seen.includes(head) ? file.variables.find(({ name }) => name === head) : undefined;
    const inside = variable === undefined ? undefined : lateIn(file, variable.value, [...seen, head]);
    if (inside !== undefined) return inside;
  }
  return undefined;
}

/** `guid(what it grants on, who, which role)`: the same assignment is never made twice, and never fails for being there. */
export function assignmentNames({ files }: Project): readonly string[] {
  return [...files].flatMap(([path, file]) =>
    file.resources
      .filter(({ type, existing }) => !existing && type === 'Microsoft.Authorization/roleAssignments')
      .flatMap(({ name, body, line }) => {
        const where = `${at(path, line)}: ${name}`;
        const named = propertyOf(body, 'name');
        if (named?.kind !== 'call' || named.name !== 'guid')
          return [`${where} is not named by guid(scope, principal, role)`];
        const properties = propertyOf(body, 'properties');
        const scope = propertyOf(body, 'scope');
        const on = scope === undefined ? ['resourceGroup().id', 'subscription().id'] : [`${written(scope)}.id`];
        const says = (words: RegExp): boolean => named.args.some((one) => words.test(written(one)));
        const role = propertyOf(properties, 'roleDefinitionId');
        return [
          ...(named.args.some((one) => on.includes(written(one)))
            ? []
            : [`${where} does not have what it grants on in its name`]),
          ...(says(/principal|identity|operator|topic|assignee|member/i)
            ? []
            : [`${where} does not have who in its name`]),
          ...(named.args.length >= 3 && (says(/role/i) || says(/definition/i))
            ? []
            : [`${where} does not have the role in its name`]),
          ...(propertyOf(properties, 'principalType') === undefined
            ? [`${where} does not say the type of its principal`]
            : []),
          ...(role === undefined || roleFromFile(file, role)
            ? []
            : [`${where} does not build its role's id by subscriptionResourceId`]),
        ];
      }),
  );
}

function roleFromFile(file: BicepFile, role: Expression): boolean {
  const text = written(role);
  // A custom role's id comes from where the role is made.
  if (/^subscriptionResourceId\(|\.id$|\.outputs\./.test(text)) return true;
  const variable = role.kind === 'name' ? file.variables.find(({ name }) => name === role.name) : undefined;
  return variable !== undefined && roleFromFile(file, variable.value);
}

interface Limit {
  readonly type: string;
  readonly least: number;
  readonly most: number;
  readonly pattern: RegExp;
}
const limit = (type: string, least: number, most: number, pattern: RegExp): Limit => ({ type, least, most, pattern });

/** https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules */
const LIMITS: readonly Limit[] = [
  limit('Microsoft.Resources/resourceGroups', 1, 90, /^[\w().-]*[\w()-]$/),
  limit('Microsoft.Storage/storageAccounts', 3, 24, /^[a-z0-9]+$/),
  limit('Microsoft.Storage/storageAccounts/blobServices/containers', 3, 63, /^[a-z0-9]+(?:-[a-z0-9]+)*$/),
  limit('Microsoft.Storage/storageAccounts/queueServices/queues', 3, 63, /^[a-z0-9]+(?:-[a-z0-9]+)*$/),
  limit('Microsoft.Storage/storageAccounts/tableServices/tables', 3, 63, /^[A-Za-z][A-Za-z0-9]*$/),
  limit('Microsoft.KeyVault/vaults', 3, 24, /^[A-Za-z](?:-?[A-Za-z0-9]+)*$/),
  limit('Microsoft.Web/sites', 2, 60, /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/),
  limit('Microsoft.Web/serverfarms', 1, 60, /^[A-Za-z0-9-]+$/),
  limit('Microsoft.EventGrid/systemTopics', 3, 128, /^[A-Za-z0-9-]+$/),
  limit('Microsoft.EventGrid/topics', 3, 50, /^[A-Za-z0-9-]+$/),
  limit('Microsoft.EventGrid/systemTopics/eventSubscriptions', 3, 64, /^[A-Za-z0-9-]+$/),
  limit('Microsoft.ManagedIdentity/userAssignedIdentities', 3, 128, /^[A-Za-z0-9][\w-]*$/),
  limit('Microsoft.OperationalInsights/workspaces', 4, 63, /^[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9]$/),
  limit('Microsoft.Insights/components', 1, 260, /^[^%&\\?/<>#]*[^%&\\?/<>#. ]$/),
  limit('Microsoft.Insights/actionGroups', 1, 260, /^[^:<>+/&%\\?|#]*[^:<>+/&%\\?|#. ]$/),
  limit('Microsoft.Insights/metricAlerts', 1, 260, /^[^*#&+:<>?@%{}\\/]*[^*#&+:<>?@%{}\\/. ]$/),
  limit('Microsoft.Insights/scheduledQueryRules', 1, 260, /^[^*<>%{}&:\\?/#|]*[^*<>%{}&:\\?/#|. ]$/),
  limit('Microsoft.Insights/activityLogAlerts', 1, 260, /^[^*#&+:<>?@%{}\\/]*[^*#&+:<>?@%{}\\/. ]$/),
  limit('Microsoft.Insights/diagnosticSettings', 1, 260, /^[^%&\\?/<>#*+:]*$/),
  limit('Microsoft.Insights/workbooks', 36, 36, /^[0-9a-f-]+$/),
  limit('Microsoft.Network/virtualNetworks', 2, 64, /^[A-Za-z0-9][\w.-]*\w$/),
  limit('Microsoft.Network/virtualNetworks/subnets', 1, 80, /^[A-Za-z0-9](?:[\w.-]*\w)?$/),
  limit('Microsoft.Network/privateEndpoints', 2, 64, /^[A-Za-z0-9][\w.-]*\w$/),
  limit('Microsoft.Network/privateEndpoints/privateDnsZoneGroups', 1, 80, /^[A-Za-z0-9](?:[\w.-]*\w)?$/),
  limit('Microsoft.Network/networkSecurityGroups', 1, 80, /^[A-Za-z0-9](?:[\w.-]*\w)?$/),
  limit('Microsoft.Network/publicIPAddresses', 1, 80, /^[A-Za-z0-9](?:[\w.-]*\w)?$/),
  limit('Microsoft.Network/natGateways', 1, 80, /^[A-Za-z0-9](?:[\w.-]*\w)?$/),
  limit('Microsoft.Network/privateDnsZones', 1, 63, /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)+$/),
  limit('Microsoft.Network/privateDnsZones/virtualNetworkLinks', 1, 80, /^[A-Za-z0-9](?:[\w.-]*\w)?$/),
  limit('Microsoft.Authorization/roleAssignments', 36, 36, /^[0-9a-f-]+$/),
  limit('Microsoft.Authorization/roleDefinitions', 36, 36, /^[0-9a-f-]+$/),
  limit('Microsoft.Authorization/policyAssignments', 1, 64, /^[^<>*%&:\\?.+/]*[^<>*%&:\\?.+/ ]$/),
  limit('Microsoft.Authorization/locks', 1, 90, /^[\w().-]+$/),
  // Names that Azure itself has fixed.
  limit('Microsoft.Web/sites/config', 4, 20, /^(?:appsettings|authsettingsV2|logs|web|metadata|connectionstrings)$/),
  limit('Microsoft.Web/sites/basicPublishingCredentialsPolicies', 3, 3, /^(?:scm|ftp)$/),
  ...['blobServices', 'queueServices', 'tableServices', 'managementPolicies'].map((one) =>
    limit(`Microsoft.Storage/storageAccounts/${one}`, 7, 7, /^default$/),
  ),
];

export function nameLimits(resources: readonly Deployed[]): readonly string[] {
  return resources.flatMap(({ path, line, symbol, type, name }) => {
    const where = `${at(path, line)}: ${symbol}`;
    if (name === '') return [`${where} has no name`];
    if (name.includes('‹')) return [];
    const rule = LIMITS.find((one) => one.type.toLowerCase() === type.toLowerCase());
    if (rule === undefined) return [`${where}: no limits of names of ${type} are known to this check`];
    const { least, most, pattern } = rule;
    if (name.length < least || name.length > most)
      return [`${where} is named '${name}', of ${name.length} characters; ${least} to ${most} are taken`];
    return pattern.test(name) ? [] : [`${where} is named '${name}', which ${type} does not take`];
  });
}

/** Two resources of one id: the later one would overwrite the earlier. */
export function sameTwice(resources: readonly Deployed[]): readonly string[] {
  const seen = new Map<string, string>();
  return resources.flatMap(({ existing, id, path, line, symbol }) => {
    if (existing) return [];
    const where = at(path, line);
    const first = seen.get(id.toLowerCase());
    seen.set(id.toLowerCase(), where);
    return first === undefined ? [] : [`${where}: ${symbol} is the resource of ${first} once more: ${id}`];
  });
}
