/**
 * Sets of parameters that between them deploy every resource of infra/, with the longest and the shortest names. What is
 * computed from each is what the checks look at. The parameter files are scenarios, too.
 */
import { assignments, deploy, SUBSCRIPTION } from './bicep/deploy.ts';
import { beside, type Project } from './bicep/project.ts';
import type { Fields } from './bicep/values.ts';
import type { Scenario } from './checks/app.ts';

const OTHER = '00000000-0000-0000-0000-000000000002';
const group = (name: string): string => `/subscriptions/${OTHER}/resourceGroups/${name}/providers`;
const network = `${group('rg-hub')}/Microsoft.Network`;
const zone = (name: string): string => `${network}/privateDnsZones/${name}`;

/** Every kind for which rights are declared. */
function kindsIn(project: Project, what: 'systems' | 'consumers'): readonly string[] {
  const needs = JSON.parse(project.texts.get('infra/modules/access/needs.json') ?? '{}') as Readonly<
    Record<string, object>
  >;
  return Object.keys(needs[what] ?? {});
}

const LEAST: Fields = {
  environmentName: 'a',
  location: 'westeurope',
  vaults: [{ name: 'kv1', mode: 'existing', resourceGroupName: 'rg-1' }],
  functionKeys: true,
};

const EVERYTHING: Fields = {
  environmentName: 'x'.repeat(40),
  location: 'westeurope',
  tags: { owner: 'platform' },
  vaults: [
    {
      name: 'kv-elsewhere-of-24-chars',
      mode: 'existing',
      resourceGroupName: 'rg-elsewhere',
      subscriptionId: OTHER,
      existingSystemTopicName: 'egst-of-others',
      needs: ['secrets', 'certificates', 'keys'],
      shared: true,
      sendLogs: true,
    },
    { name: 'kv-new-of-24-characters1', mode: 'new', needs: ['certificates'], allowedAddresses: ['203.0.113.0/24'] },
    { name: 'kv-here', mode: 'existing', resourceGroupName: 'rg-here', privateEndpoint: false },
  ],
  network: { addressPrefix: '10.1.0.0/22', natGateway: true, privateApp: true },
  operators: { identities: [`${OTHER.slice(0, -1)}a`], groups: [`${OTHER.slice(0, -1)}b`] },
  signInClientId: `${OTHER.slice(0, -1)}c`,
  keyturn: {
    allowedHosts: ['*.database.windows.net', '*.postgres.database.azure.com', 'erp.example.com'],
    administrators: { '*.database.windows.net': { user: 'keyturn', managedIdentity: true } },
    defaults: {
      validityDays: 60,
      leadTimeDays: 20,
      overlapHours: 12,
      retainVersions: 3,
      accounts: 'single',
      certificates: 'all',
    },
    httpApis: '{}',
    external: {
      erp: {
        url: 'https://erp.example.com/rotate',
        secret: 'https://kv-here.vault.azure.net/secrets/erp',
        overlap: 'many',
      },
    },
    consumers: {
      restart: 'full',
      rewritePinned: true,
      frontDoor: 'push',
      apiManagement: 'push',
      aks: 'restart',
      sentinel: 'App:Sentinel',
    },
    revokeDisablesLogin: true,
    channels: [
      {
        name: 'erp',
        format: 'webhook',
        url: 'https://erp.example.com/keyturn',
        signingKey: 'https://kv-here.vault.azure.net/secrets/erp-signing-key',
        objects: ['kv-here/*'],
        events: ['versions', 'notices'],
        advisory: true,
        allowPrivate: true,
      },
      { name: 'chat', format: 'teams', urlSecret: 'https://kv-here.vault.azure.net/secrets/chat' },
    ],
    tenant: 'example.onmicrosoft.com',
    sweepSchedule: '0 */10 * * * *',
    serviceSuffixes: { 'cosmos-db': 'documents.azure.cn' },
    graphEndpoint: 'https://graph.microsoft.com',
    postgresSuffix: 'postgres.database.azure.com',
    mysqlSuffix: 'mysql.database.azure.com',
  },
  watch: { emails: ['ops@example.com'], webhook: { serviceUri: 'https://alerts.example.com/keyturn' } },
  governance: {
    ...{ purgeProtection: 'Audit', softDelete: 'Audit', rbacAuthorization: 'Audit', privateLink: 'Audit' },
    ...{ publicAccessDisabled: 'Audit', resourceLogs: 'AuditIfNotExists', secretExpiry: 'Audit', keyExpiry: 'Audit' },
  },
};

const PREMIUM: Fields = {
  plan: 'premium',
  delivery: 'function',
  functionKeys: true,
  existingWorkspaceResourceId: `${group('rg-logs')}/Microsoft.OperationalInsights/workspaces/log-all`,
  network: {
    existingSubnets: {
      virtualNetworkResourceId: `${network}/virtualNetworks/vnet-hub`,
      appSubnetResourceId: `${network}/virtualNetworks/vnet-hub/subnets/snet-app`,
      endpointSubnetResourceId: `${network}/virtualNetworks/vnet-hub/subnets/snet-endpoints`,
    },
    dnsZones: Object.fromEntries(
      ['vault', 'blob', 'queue', 'table', 'sites'].map((part) => [part, zone(`privatelink.${part}.example`)]),
    ),
    privateApp: true,
  },
  watch: { emails: ['ops@example.com'], vaultAuditLogs: false, vaultAvailability: true },
};

function kinds(project: Project): Fields {
  const resourceId = `${group('rg-systems')}/Microsoft.Storage/storageAccounts/st1`;
  return {
    systems: kindsIn(project, 'systems').map((kind) => ({ kind, resourceId })),
    consumers: { subscriptions: [SUBSCRIPTION, OTHER], kinds: kindsIn(project, 'consumers') },
  };
}

/** What azd would have in its environment. */
const ENVIRONMENT: Fields = {
  AZURE_ENV_NAME: 'dev',
  AZURE_LOCATION: 'westeurope',
  AZURE_PRINCIPAL_ID: `${OTHER.slice(0, -1)}d`,
  KEYTURN_VAULT_IDS: `${group('rg-1')}/Microsoft.KeyVault/vaults/kv1`,
  KEYTURN_SIGN_IN_CLIENT_ID: `${OTHER.slice(0, -1)}c`,
  KEYTURN_WORKSPACE_ID: `${group('rg-logs')}/Microsoft.OperationalInsights/workspaces/log-all`,
  KEYTURN_STORAGE_SKU: 'Standard_LRS',
};

const FUNCTION_DELIVERY = 'infra/function-delivery.bicep';
const MAIN = 'infra/main.bicep';

export interface Deployments {
  readonly scenarios: readonly Scenario[];
  readonly problems: readonly string[];
}

export function deployAll(project: Project): Deployments {
  const everything = { ...EVERYTHING, ...kinds(project) };
  const sets: readonly (readonly [name: string, entry: string, params: Fields])[] = [
    ['least', MAIN, LEAST],
    ['everything', MAIN, everything],
    ['premium', MAIN, { ...everything, ...PREMIUM }],
    ...[...project.files.keys()].filter((path) => path.endsWith('.bicepparam')).map((path) => fromFile(project, path)),
  ];
  const scenarios: Scenario[] = [];
  const problems: string[] = [];
  for (const [name, entry, params] of sets.filter(([, path]) => project.files.has(path))) {
    const { resources, problems: found, outputs } = deploy(project, entry, params);
    scenarios.push({ name, resources });
    problems.push(...found.map((problem) => `${problem} (${name})`));
    const targets = outputs['KEYTURN_DELIVERY_TARGETS'];
    if (params['delivery'] !== 'function' || targets === undefined || !project.files.has(FUNCTION_DELIVERY)) continue;
    const later = deploy(project, FUNCTION_DELIVERY, laterParams(project, outputs));
    scenarios.push({ name: `${name}, events`, resources: [...resources, ...later.resources] });
    problems.push(...later.problems.map((problem) => `${problem} (${name}, events)`));
  }
  return { scenarios, problems };
}

function fromFile(project: Project, path: string): readonly [string, string, Fields] {
  const { using, params } = assignments(project, path, ENVIRONMENT);
  return [path, beside(path, using), params];
}

/** The second step takes the outputs of the first under names of its own: azd hands them on as environment variables. */
function laterParams(project: Project, outputs: Fields): Fields {
  const names: Readonly<Record<string, string>> = {
    targets: 'KEYTURN_DELIVERY_TARGETS',
    functionAppResourceId: 'KEYTURN_APP_RESOURCE_ID',
    storageAccountResourceId: 'KEYTURN_STORAGE_RESOURCE_ID',
    eventSubscriptionName: 'KEYTURN_EVENT_SUBSCRIPTION',
  };
  const wanted = project.files.get(FUNCTION_DELIVERY)?.parameters.map(({ name }) => name) ?? [];
  const given = wanted.map((name) => [name, outputs[names[name] ?? '']] as const);
  return Object.fromEntries(given.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}
