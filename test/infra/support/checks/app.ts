/** What the code and the templates both name: settings, queues, tables, events. */
import { readSettings } from '../../../../src/config/settings.ts';
import { RotationError } from '../../../../src/rotation/errors.ts';
import { SERVICE_SUFFIXES } from '../../../../src/rotators/arm-key/rows.ts';
import type { Deployed } from '../bicep/deploy.ts';
import { at } from '../bicep/project.ts';
import { isFields, isList, textOf, type Fields, type Value } from '../bicep/values.ts';

/** One set of parameters, and what would be deployed with it. */
export interface Scenario {
  readonly name: string;
  readonly resources: readonly Deployed[];
}

/** What the code knows. */
export interface Code {
  /** Settings that it reads, the platform's among them where it reads those. */
  readonly settings: readonly string[];
  /** Settings that the templates leave out, and why. */
  readonly leftOut: Readonly<Record<string, string>>;
  readonly functions: readonly string[];
  /** Queues that its functions read, or that it writes to. */
  readonly queues: readonly string[];
  readonly tables: readonly string[];
  readonly eventTypes: readonly string[];
}

/**
 * Settings of the platform, with what they are for. Those that Flex Consumption refuses are only for the other plan:
 * https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan
 */
const PLATFORM: readonly RegExp[] = [
  /^AzureWebJobsStorage__(?:credential|clientId|blobServiceUri|queueServiceUri|tableServiceUri)$/,
  /^KeyturnStorage__credential$/,
  /^APPLICATIONINSIGHTS_(?:CONNECTION_STRING|AUTHENTICATION_STRING)$/,
  /^AzureFunctionsJobHost__[A-Za-z]+(?:__[A-Za-z]+)*$/,
  /^(?:OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID|MICROSOFT_PROVIDER_AUTHENTICATION_SECRET)$/,
];
const NOT_ON_FLEX: readonly RegExp[] = [
  /^FUNCTIONS_(?:WORKER_RUNTIME|EXTENSION_VERSION)$/,
  /^WEBSITE_(?:RUN_FROM_PACKAGE|RUN_FROM_PACKAGE_BLOB_MI_RESOURCE_ID|SKIP_CONTENTSHARE_VALIDATION|NODE_DEFAULT_VERSION)$/,
  /^WEBSITE_(?:VNET_ROUTE_ALL|CONTENTOVERVNET|DNS_SERVER|CONTENT.*|TIME_ZONE|LOAD_CERTIFICATES)$/,
  /^(?:SCM_DO_BUILD_DURING_DEPLOYMENT|ENABLE_ORYX_BUILD|TZ)$/,
];
/** Settings that would put a secret where identity is meant to be. */
const SECRET =
  /^(?:AzureWebJobsStorage|KeyturnStorage|WEBSITE_CONTENTAZUREFILECONNECTIONSTRING|APPINSIGHTS_INSTRUMENTATIONKEY)$/;

const ofType = (resources: readonly Deployed[], type: string): readonly Deployed[] =>
  resources.filter((one) => one.type.toLowerCase() === type.toLowerCase() && !one.existing);

interface Settings {
  readonly where: string;
  readonly values: Fields;
}

/** However they are written: the child `config`, or the list in siteConfig. */
export function settingsIn(resources: readonly Deployed[]): readonly Settings[] {
  const children = ofType(resources, 'Microsoft.Web/sites/config').filter(({ name }) => name === 'appsettings');
  const listed = ofType(resources, 'Microsoft.Web/sites').flatMap(({ path, line, body }) => {
    const { siteConfig } = fieldsOf(body['properties']);
    const { appSettings } = fieldsOf(siteConfig);
    if (!isList(appSettings)) return [];
    const pairs = appSettings.filter(isFields).map(({ name = '', value = null }) => [textOf(name), value]);
    return [{ where: at(path, line), values: Object.fromEntries(pairs) as Fields }];
  });
  return [
    ...children.map(({ path, line, body }) => ({ where: at(path, line), values: fieldsOf(body['properties']) })),
    ...listed,
  ];
}

function fieldsOf(value: Value | undefined): Fields {
  return isFields(value) ? value : {};
}

function isFlex(resources: readonly Deployed[]): boolean {
  return ofType(resources, 'Microsoft.Web/serverfarms').some(({ body }) => fieldsOf(body['sku'])['name'] === 'FC1');
}

/** Settings in the templates that neither the code nor the platform knows. */
export function unknownSettings(scenarios: readonly Scenario[], code: Code): readonly string[] {
  const problems = scenarios.flatMap(({ name: scenario, resources }) => {
    const flex = isFlex(resources);
    return settingsIn(resources).flatMap(({ where, values }) =>
      Object.keys(values).flatMap((name) => {
        if (SECRET.test(name)) return [`${where}: ${name} is a secret; storage and telemetry are reached by identity`];
        if (flex && NOT_ON_FLEX.some((one) => one.test(name)))
          return [`${where}: Flex Consumption refuses ${name} (${scenario})`];
        if ([...PLATFORM, ...NOT_ON_FLEX].some((one) => one.test(name)) || code.settings.includes(name)) return [];
        const off = /^AzureWebJobs\.(\w+)\.Disabled$/.exec(name)?.[1];
        if (off !== undefined && code.functions.includes(off)) return [];
        return [`${where}: ${name} is a setting that nobody reads`];
      }),
    );
  });
  return [...new Set(problems)];
}

/** Settings of the code that no set of parameters sets. */
export function missingSettings(scenarios: readonly Scenario[], { settings, leftOut }: Code): readonly string[] {
  const set = new Set(
    scenarios.flatMap(({ resources }) => settingsIn(resources).flatMap(({ values }) => Object.keys(values))),
  );
  return [
    ...settings
      .filter((name) => !set.has(name) && !(name in leftOut))
      .map((name) => `${name} is read by the code, and not set`),
    ...Object.keys(leftOut)
      .filter((name) => set.has(name))
      .map((name) => `${name} is said to be left out, and is set`),
  ];
}

/** The values of one app as an environment, those out that only the deployment tells. */
export function environmentOf(values: Fields): Readonly<Record<string, string>> {
  const known = Object.entries(values).filter(([, value]) => value !== null);
  return Object.fromEntries(known.map(([name, value]) => [name, textOf(value)]));
}

function both(what: string, there: ReadonlySet<string>, wanted: readonly string[]): readonly string[] {
  return [
    ...wanted
      .filter((name) => !there.has(name))
      .map((name) => `${what} ${name} is in the code, and not in the templates`),
    ...[...there]
      .filter((name) => !wanted.includes(name))
      .map((name) => `${what} ${name} is in the templates, and not in the code`),
  ];
}

export function storedNames(scenarios: readonly Scenario[], { queues, tables }: Code): readonly string[] {
  const names = (type: string): ReadonlySet<string> =>
    new Set(scenarios.flatMap(({ resources }) => ofType(resources, type).map(({ name }) => name)));
  const storage = 'Microsoft.Storage/storageAccounts';
  return [
    ...both('the queue', names(`${storage}/queueServices/queues`), queues),
    ...both('the table', names(`${storage}/tableServices/tables`), tables),
  ];
}

export function eventTypes(scenarios: readonly Scenario[], { eventTypes: wanted }: Code): readonly string[] {
  const problems = scenarios.flatMap(({ resources }) =>
    vaultSubscriptions(resources).flatMap(({ path, line, body }) => {
      const { includedEventTypes } = fieldsOf(fieldsOf(body['properties'])['filter']);
      const included = isList(includedEventTypes) ? includedEventTypes.map(textOf) : [];
      return both('the event', new Set(included), wanted).map((problem) => `${at(path, line)}: ${problem}`);
    }),
  );
  return [...new Set(problems)];
}

function vaultSubscriptions(resources: readonly Deployed[]): readonly Deployed[] {
  return ofType(resources, 'Microsoft.EventGrid/systemTopics/eventSubscriptions');
}

/** Where events go is there: a queue that is read, a container that is made. Nothing undelivered is lost. */
export function destinations(scenarios: readonly Scenario[], { queues, functions }: Code): readonly string[] {
  const problems = scenarios.flatMap(({ resources }) => {
    const containers = ofType(resources, 'Microsoft.Storage/storageAccounts/blobServices/containers').map(
      ({ name }) => name,
    );
    const accounts = ofType(resources, 'Microsoft.Storage/storageAccounts').map(({ id }) => id);
    return vaultSubscriptions(resources).flatMap(({ path, line, symbol, body }) => {
      const where = `${at(path, line)}: ${symbol}`;
      const { deliveryWithResourceIdentity, destination, deadLetterWithResourceIdentity } = fieldsOf(
        body['properties'],
      );
      const to = fieldsOf(destination ?? fieldsOf(deliveryWithResourceIdentity)['destination']);
      const { queueName, resourceId } = fieldsOf(to['properties']);
      const dead = fieldsOf(fieldsOf(fieldsOf(deadLetterWithResourceIdentity)['deadLetterDestination'])['properties']);
      const container = textOf(dead['blobContainerName'] ?? '');
      const keeps = accounts.includes(textOf(dead['resourceId'] ?? ''));
      const called = /\/functions\/([^/]+)$/.exec(textOf(resourceId ?? ''))?.[1];
      return [
        ...(queueName === undefined || queues.includes(textOf(queueName))
          ? []
          : [`${where} fills ${textOf(queueName)}, which nobody reads`]),
        ...(called === undefined || functions.includes(called)
          ? []
          : [`${where} calls ${called}, which is no function`]),
        ...(queueName === undefined && called === undefined
          ? [`${where} delivers to neither a queue nor a function`]
          : []),
        ...(keeps ? [] : [`${where} keeps what is undelivered in no account of the app`]),
        ...(containers.includes(container)
          ? []
          : [`${where} keeps what is undelivered in '${container}', which is not made`]),
      ];
    });
  });
  return [...new Set(problems)];
}

/** A vault that is made has its logs sent. */
export function vaultLogs(scenarios: readonly Scenario[]): readonly string[] {
  const problems = scenarios.flatMap(({ resources }) => {
    const logged = ofType(resources, 'Microsoft.Insights/diagnosticSettings').map(({ id }) => id.toLowerCase());
    return ofType(resources, 'Microsoft.KeyVault/vaults')
      .filter(({ id }) => !logged.some((one) => one.startsWith(`${id.toLowerCase()}/providers/`)))
      .map(({ path, line, symbol }) => `${at(path, line)}: ${symbol} sends its logs nowhere`);
  });
  return [...new Set(problems)];
}

export const appChecks: Readonly<Record<string, (scenarios: readonly Scenario[], code: Code) => readonly string[]>> = {
  'every setting in the templates is read': unknownSettings,
  'every setting that is read is in the templates': missingSettings,
  'queues and tables are those of the code': storedNames,
  'events are those that the code does something about': eventTypes,
  'events go where somebody waits for them': destinations,
  'logs of new vaults are sent': (scenarios) => vaultLogs(scenarios),
  'the code takes the settings': refusedSettings,
};

/** The code's own reading of the settings that an app would get. */
function refusedSettings(scenarios: readonly Scenario[]): readonly string[] {
  return scenarios.flatMap(({ name, resources }) =>
    settingsIn(resources).flatMap(({ where, values }) => {
      try {
        readSettings(environmentOf(values), SERVICE_SUFFIXES);
        return [];
      } catch (error) {
        if (!(error instanceof RotationError)) throw error;
        return error.problems.map(({ path, message }) => `${where}: ${name}: ${path} ${message}`);
      }
    }),
  );
}
