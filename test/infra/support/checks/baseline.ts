/**
 * The security baseline, in what would be deployed, whatever the parameters: no shared keys, TLS 1.2, no passwords for publishing,
 * roles instead of access policies, nothing lost for 90 days, delivery by identity.
 */
import type { Deployed } from '../bicep/deploy.ts';
import { at } from '../bicep/project.ts';
import { isFields, isList, textOf, type Fields, type Value } from '../bicep/values.ts';
import type { Scenario } from './app.ts';

interface Rule {
  readonly type: string;
  /** The way to the value; `[]` goes to every item. */
  readonly path: string;
  /** As JSON says it. */
  readonly is: readonly string[];
  readonly when?: (resource: Deployed, all: readonly Deployed[]) => boolean;
}

const skuOf = (all: readonly Deployed[]): readonly Value[] =>
  all
    .filter(({ type }) => type === 'Microsoft.Web/serverfarms')
    .map(({ body }) => valuesAt(body, 'sku.name')[0] ?? null);
const premium: Rule['when'] = (_, all) => skuOf(all).includes('EP1');
const flex: Rule['when'] = (_, all) => skuOf(all).includes('FC1');
const named =
  (name: string): Rule['when'] =>
  (resource) =>
    resource.name === name;

const rule = (type: string, path: string, is: string | readonly string[], when?: Rule['when']): Rule => ({
  type,
  path,
  is: typeof is === 'string' ? [is] : is,
  ...(when === undefined ? {} : { when }),
});

const STORAGE = 'Microsoft.Storage/storageAccounts';
const VAULT = 'Microsoft.KeyVault/vaults';
const SITE = 'Microsoft.Web/sites';
const TOPIC = 'Microsoft.EventGrid/topics';
const SUBSCRIPTION = 'Microsoft.EventGrid/systemTopics/eventSubscriptions';

const RULES: readonly Rule[] = [
  rule(STORAGE, 'properties.allowSharedKeyAccess', 'false'),
  rule(STORAGE, 'properties.allowBlobPublicAccess', 'false'),
  rule(STORAGE, 'properties.allowCrossTenantReplication', 'false'),
  rule(STORAGE, 'properties.minimumTlsVersion', ['"TLS1_2"', '"TLS1_3"']),
  rule(STORAGE, 'properties.supportsHttpsTrafficOnly', 'true'),
  // Event Grid delivers as a trusted service, through whatever firewall there is.
  rule(STORAGE, 'properties.networkAcls.bypass', '"AzureServices"'),
  rule(VAULT, 'properties.enableRbacAuthorization', 'true'),
  rule(VAULT, 'properties.enablePurgeProtection', 'true'),
  rule(VAULT, 'properties.softDeleteRetentionInDays', '90'),
  rule(VAULT, 'properties.enabledForDeployment', 'false'),
  rule(VAULT, 'properties.enabledForDiskEncryption', 'false'),
  rule(VAULT, 'properties.enabledForTemplateDeployment', 'false'),
  rule(VAULT, 'properties.networkAcls.defaultAction', ['"Deny"', '"Allow"']),
  rule(VAULT, 'properties.publicNetworkAccess', ['"Disabled"', '"Enabled"']),
  rule(SITE, 'properties.httpsOnly', 'true'),
  rule(SITE, 'properties.siteConfig.minTlsVersion', ['"1.2"', '"1.3"']),
  rule(SITE, 'properties.siteConfig.scmMinTlsVersion', ['"1.2"', '"1.3"']),
  rule(SITE, 'properties.siteConfig.ftpsState', '"Disabled"', premium),
  rule(SITE, 'properties.publicNetworkAccess', ['"Disabled"', '"Enabled"']),
  rule(SITE, 'identity.type', '"UserAssigned"'),
  rule(SITE, 'kind', '"functionapp,linux"'),
  rule(SITE, 'properties.functionAppConfig.deployment.storage.authentication.type', '"UserAssignedIdentity"', flex),
  rule(SITE, 'properties.functionAppConfig.runtime.name', '"node"', flex),
  rule(SITE, 'properties.functionAppConfig.runtime.version', ['"22"', '"24"'], flex),
  rule(`${SITE}/basicPublishingCredentialsPolicies`, 'properties.allow', 'false'),
  rule(`${SITE}/config`, 'properties.httpSettings.requireHttps', 'true', named('authsettingsV2')),
  rule(`${SITE}/config`, 'properties.platform.runtimeVersion', '"~1"', named('authsettingsV2')),
  rule('Microsoft.Web/serverfarms', 'properties.reserved', 'true'),
  rule('Microsoft.Insights/components', 'properties.DisableLocalAuth', 'true'),
  rule('Microsoft.OperationalInsights/workspaces', 'properties.features.disableLocalAuth', 'true'),
  rule('Microsoft.EventGrid/systemTopics', 'identity.type', '"SystemAssigned"'),
  rule('Microsoft.EventGrid/systemTopics', 'properties.topicType', '"Microsoft.KeyVault.vaults"'),
  rule(TOPIC, 'properties.disableLocalAuth', 'true'),
  rule(TOPIC, 'properties.inputSchema', '"CloudEventSchemaV1_0"'),
  rule(TOPIC, 'properties.minimumTlsVersionAllowed', '"1.2"'),
  rule(SUBSCRIPTION, 'properties.eventDeliverySchema', '"CloudEventSchemaV1_0"'),
  rule(SUBSCRIPTION, 'properties.deadLetterWithResourceIdentity.identity.type', '"SystemAssigned"'),
  // Else what has its private endpoint elsewhere has no address at all.
  rule('Microsoft.Network/privateDnsZones/virtualNetworkLinks', 'properties.resolutionPolicy', '"NxDomainRedirect"'),
  // The tables that the alerts read are there only so.
  rule('Microsoft.Insights/diagnosticSettings', 'properties.logAnalyticsDestinationType', '"Dedicated"'),
  rule('Microsoft.Insights/diagnosticSettings', 'properties.logs[].categoryGroup', ['"audit"', '"allLogs"']),
  rule('Microsoft.Insights/diagnosticSettings', 'properties.logs[].enabled', 'true'),
  rule('Microsoft.Authorization/roleDefinitions', 'properties.type', '"CustomRole"'),
];

export function baseline(scenarios: readonly Scenario[]): readonly string[] {
  const problems = scenarios.flatMap(({ name: scenario, resources }) =>
    resources.flatMap((resource) => {
      const { type, existing, path, line, symbol, body } = resource;
      if (existing) return [];
      return RULES.filter((one) => one.type === type && one.when?.(resource, resources) !== false).flatMap((one) => {
        const values = valuesAt(body, one.path).map((value) => JSON.stringify(value));
        const right = values.length > 0 && values.every((value) => one.is.includes(value));
        const is = values.length === 0 ? 'missing' : values.join(', ');
        return right
          ? []
          : [
              `${at(path, line)}: ${one.path} of ${symbol} is ${is}, and has to be ${one.is.join(' or ')} (${scenario})`,
            ];
      });
    }),
  );
  return [...new Set([...problems, ...scenarios.flatMap(passwords), ...scenarios.flatMap(endpoints)])];
}

const LOG_IN: readonly (readonly [path: string, entra: string])[] = [
  ['properties.platform.enabled', 'true'],
  ['properties.globalValidation.requireAuthentication', 'true'],
  ['properties.globalValidation.unauthenticatedClientAction', '"Return401"'],
  ['properties.identityProviders.azureActiveDirectory.enabled', 'true'],
];

/** Where the app is told that nobody gets past the log-in, there is one; where keys are asked for, it is off. */
export function signIn(scenarios: readonly Scenario[]): readonly string[] {
  return scenarios.flatMap(({ name: scenario, resources }) => {
    const entra = resources.some(({ body }) => valuesAt(body, 'properties.KEYTURN_SIGN_IN').includes('entra'));
    return resources
      .filter(({ name, type }) => type === `${SITE}/config` && name === 'authsettingsV2')
      .flatMap(({ path, line, symbol, body }) =>
        LOG_IN.filter(([way, on]) => valuesAt(body, way).some((value) => JSON.stringify(value) === on) !== entra).map(
          ([way]) =>
            `${at(path, line)}: ${way} of ${symbol} is ${textOf(valuesAt(body, way)[0] ?? null)}, and KEYTURN_SIGN_IN is ${entra ? 'entra' : 'key'} (${scenario})`,
        ),
      );
  });
}

/** Which parts a private endpoint may lead to, by type of what it leads to. */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  [VAULT]: ['vault'],
  [STORAGE]: ['blob', 'queue', 'table'],
  [SITE]: ['sites'],
};

/** A private endpoint leads to a part that its target has. */
function endpoints({ name: scenario, resources }: Scenario): readonly string[] {
  return resources
    .filter(({ type, existing }) => type === 'Microsoft.Network/privateEndpoints' && !existing)
    .flatMap(({ path, line, symbol, body }) => {
      const one = (way: string): string => {
        const [value = null] = valuesAt(body, `properties.privateLinkServiceConnections[].properties.${way}`);
        return textOf(isList(value) ? (value[0] ?? null) : value);
      };
      const [target, part] = [one('privateLinkServiceId'), one('groupIds')];
      const parts = Object.entries(PARTS).find(([type]) => target.includes(`/${type}/`))?.[1] ?? [];
      return parts.includes(part) ? [] : [`${at(path, line)}: ${symbol} leads to ${part} of ${target} (${scenario})`];
    });
}

/** On Premium both ways of publishing with a password are off; Flex Consumption has neither. */
function passwords({ name: scenario, resources }: Scenario): readonly string[] {
  return resources
    .filter(({ type, existing }) => type === SITE && !existing && skuOf(resources).includes('EP1'))
    .flatMap(({ path, line, symbol, id }) =>
      ['ftp', 'scm']
        .filter((way) => !resources.some((one) => one.id === `${id}/basicPublishingCredentialsPolicies/${way}`))
        .map((way) => `${at(path, line)}: ${symbol} takes a password for ${way} (${scenario})`),
    );
}

/** The values at the end of a way; none where it ends before. */
function valuesAt(value: Value, path: string): readonly Value[] {
  return path.split('.').reduce<readonly Value[]>(
    (found, step) => {
      const name = step.replace('[]', '');
      const inside = found.flatMap((one) => (isFields(one) && one[name] !== undefined ? [one[name]] : []));
      return step === name ? inside : inside.flatMap((one) => (isList(one) ? one : []));
    },
    [value],
  );
}

const PLATFORM: Readonly<Record<string, string>> = {
  AzureWebJobsStorage__credential: 'managedidentity',
  AzureWebJobsStorage__clientId: '',
  AzureWebJobsStorage__blobServiceUri: '',
  AzureWebJobsStorage__queueServiceUri: '',
  AzureWebJobsStorage__tableServiceUri: '',
  KeyturnStorage__credential: 'managedidentity',
  KeyturnStorage__clientId: '',
  APPLICATIONINSIGHTS_CONNECTION_STRING: '',
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: '',
  KEYTURN_SWEEP_SCHEDULE: '',
};
const ON_PREMIUM: Readonly<Record<string, string>> = {
  FUNCTIONS_EXTENSION_VERSION: '~4',
  FUNCTIONS_WORKER_RUNTIME: 'node',
};

/** What the platform itself needs to start the app by identity, and the schedule, which a trigger names. */
export function platformSettings(
  settings: readonly (readonly [where: string, values: Fields, premium: boolean])[],
): readonly string[] {
  return settings.flatMap(([where, values, onPremium]) =>
    Object.entries({ ...PLATFORM, ...(onPremium ? ON_PREMIUM : {}) }).flatMap(([name, is]) => {
      const value = textOf(values[name] ?? '');
      if (value === '') return [`${where}: ${name} is not set`];
      return is === '' || value === is ? [] : [`${where}: ${name} is ${value}, not ${is}`];
    }),
  );
}

export function onPremium(resources: readonly Deployed[]): boolean {
  return skuOf(resources).includes('EP1');
}
