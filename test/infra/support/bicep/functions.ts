/** Bicep's functions, as far as infra/ calls them and as far as they say something before a deployment. */
import { createHash } from 'node:crypto';
import { isFields, isList, textOf, Unknown, type Fields, type Value } from './values.ts';

type Pure = (...args: Value[]) => Value;

const digest = (args: readonly Value[]): string =>
  createHash('sha256').update(args.map(textOf).join('|')).digest('hex');

/** Not Azure's, but as long, of the same letters, and the same for the same arguments. */
export function uniqueString(args: readonly Value[]): string {
  return [...digest(args).slice(0, 26).matchAll(/../g)]
    .map(([pair]) => 'abcdefghijklmnopqrstuvwxyz234567'[Number.parseInt(pair, 16) % 32])
    .join('');
}

export function guid(args: readonly Value[]): string {
  return digest(args).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
}

const list = (value: Value | undefined): readonly Value[] => (isList(value) ? value : []);
const fields = (value: Value | undefined): Fields => (isFields(value) ? value : {});
const text = (value: Value | undefined): string => textOf(value ?? null);
const number = (value: Value | undefined): number => Number(text(value));
const same = (a: Value, b: Value): boolean => JSON.stringify(a) === JSON.stringify(b);

function empty(value: Value): boolean {
  if (isFields(value)) return Object.keys(value).length === 0;
  return value === null || value === '' || (isList(value) && value.length === 0);
}

function has(whole: Value, part: Value): boolean {
  if (isList(whole)) return whole.some((one) => same(one, part));
  return isFields(whole) ? text(part) in whole : text(whole).includes(text(part));
}

function merge(a: Value, b: Value): Value {
  if (isList(a) && isList(b))
    return [...a, ...b].filter((one, index, all) => all.findIndex((other) => same(one, other)) === index);
  if (!isFields(a) || !isFields(b)) return b;
  return Object.entries(b).reduce<Fields>(
    (whole, [name, value]) => ({ ...whole, [name]: isFields(value) ? merge(whole[name] ?? {}, value) : value }),
    a,
  );
}

function format(pattern: Value = '', ...values: Value[]): string {
  return text(pattern).replaceAll(/\{(\d+)(?::[^}]*)?\}/g, (_, index: string) => text(values[Number(index)]));
}

function contentOf(value: Value): Value {
  return JSON.parse(text(value)) as Value;
}

const sized = (value: Value, from: number, to?: number): Value =>
  isList(value) ? value.slice(from, to) : text(value).slice(from, to);

export const FUNCTIONS: Readonly<Record<string, Pure>> = {
  any: (value = null) => value,
  array: (value = null) => (isList(value) ? value : [value]),
  base64: (value = '') => Buffer.from(text(value)).toString('base64'),
  bool: (value = '') => value === true || /^(?:true|1)$/i.test(text(value)),
  concat: (...parts) => (parts.some(isList) ? parts.flatMap(list) : parts.map(text).join('')),
  contains: (whole = '', part = '') => has(whole, part),
  createObject: (...pairs) =>
    Object.fromEntries(pairs.flatMap((one, index) => (index % 2 ? [] : [[text(one), pairs[index + 1] ?? null]]))),
  empty: (value = null) => empty(value),
  endsWith: (whole, part) => text(whole).toLowerCase().endsWith(text(part).toLowerCase()),
  first: (value = []) => (isList(value) ? (value[0] ?? null) : text(value).slice(0, 1)),
  flatten: (lists) => list(lists).flatMap(list),
  format,
  guid: (...args) => guid(args),
  indexOf: (whole, part = null) =>
    isList(whole)
      ? whole.findIndex((one) => same(one, part))
      : text(whole).toLowerCase().indexOf(text(part).toLowerCase()),
  int: (value = 0) => number(value),
  intersection: (a = [], b = []) => list(a).filter((one) => has(b, one)),
  items: (value) =>
    Object.entries(fields(value))
      .map(([key, one]) => ({ key, value: one }))
      .sort(byKey),
  join: (parts, between) => list(parts).map(text).join(text(between)),
  json: (value = '') => contentOf(value),
  last: (value = []) => (isList(value) ? (value.at(-1) ?? null) : text(value).slice(-1)),
  length: (value = []) =>
    isFields(value) ? Object.keys(value).length : isList(value) ? value.length : text(value).length,
  max: (...values) => Math.max(...values.flatMap((one) => (isList(one) ? one : [one])).map(number)),
  min: (...values) => Math.min(...values.flatMap((one) => (isList(one) ? one : [one])).map(number)),
  objectKeys: (value) => Object.keys(fields(value)),
  padLeft: (value, length, filler = ' ') => text(value).padStart(number(length), text(filler)),
  range: (from, count) => Array.from({ length: number(count) }, (_, index) => number(from) + index),
  replace: (whole, part, by) => text(whole).replaceAll(text(part), text(by)),
  shallowMerge: (all) => Object.assign({}, ...list(all)) as Fields,
  skip: (value = '', count = 0) => sized(value, number(count)),
  split: (whole, between) =>
    isList(between)
      ? text(whole).split(
          new RegExp(
            `[${between
              .map(text)
              .join('')
              .replaceAll(/[\]\\^-]/g, '\\$&')}]`,
          ),
        )
      : text(whole).split(text(between)),
  startsWith: (whole, part) => text(whole).toLowerCase().startsWith(text(part).toLowerCase()),
  string: (value = '') => textOf(value),
  substring: (whole, from, ...[length]) =>
    text(whole).slice(number(from), length === undefined ? undefined : number(from) + number(length)),
  take: (value = '', count = 0) => sized(value, 0, number(count)),
  toLower: (value) => text(value).toLowerCase(),
  toUpper: (value) => text(value).toUpperCase(),
  trim: (value) => text(value).trim(),
  union: (...values) => values.reduce(merge),
  uniqueString: (...args) => uniqueString(args),
  uri: (base, rest) => new URL(text(rest), text(base)).href,
  uriComponent: (value) => encodeURIComponent(text(value)),
  environment: () => ({
    name: 'AzureCloud',
    resourceManager: 'https://management.azure.com/',
    graph: 'https://graph.windows.net/',
    authentication: {
      loginEndpoint: 'https://login.microsoftonline.com/',
      audiences: ['https://management.core.windows.net/', 'https://management.azure.com/'],
      tenant: 'common',
    },
    suffixes: {
      keyvaultDns: '.vault.azure.net',
      storage: 'core.windows.net',
      sqlServerHostname: '.database.windows.net',
      acrLoginServer: '.azurecr.io',
    },
  }),
  deployer: () => ({
    objectId: '00000000-0000-0000-0000-0000000000dd',
    tenantId: TENANT,
    userPrincipalName: 'deployer',
  }),
  tenant: () => ({ tenantId: TENANT }),
  cidrSubnet: (network, size, index) => `${text(network).split('/')[0] ?? ''}+${text(index)}/${text(size)}`,
};

export const TENANT = '00000000-0000-0000-0000-00000000ffff';

function byKey(a: { readonly key: string }, b: { readonly key: string }): number {
  return a.key < b.key ? -1 : 1;
}

/** Those that take a lambda: the name, and what is done with the function that the lambda has become. */
export const HIGHER: Readonly<Record<string, (args: readonly Value[], call: Pure, second?: Pure) => Value>> = {
  filter: ([all], keep) => list(all).filter((one, index) => keep(one, index) === true),
  groupBy: ([all], key) => {
    const groups = Map.groupBy(list(all), (one) => text(key(one)));
    return Object.fromEntries(groups);
  },
  map: ([all], each) => list(all).map((one, index) => each(one, index)),
  mapValues: ([all], each) => Object.fromEntries(Object.entries(fields(all)).map(([name, one]) => [name, each(one)])),
  reduce: ([all, start = null], step) => list(all).reduce((sum, one, index) => step(sum, one, index), start),
  sort: ([all], before) => [...list(all)].sort((a, b) => (before(a, b) === true ? -1 : 1)),
  toObject: ([all], key, value) =>
    Object.fromEntries(list(all).map((one) => [text(key(one)), value === undefined ? one : value(one)])),
};

/** Answers that depend on the place, which evaluate.ts gives, or on the clock and chance, which nothing may depend on. */
export const PLACED: readonly string[] = [
  ...['resourceGroup', 'subscription', 'deployment', 'managementGroup', 'resourceId', 'subscriptionResourceId'],
  ...['tenantResourceId', 'extensionResourceId', 'loadJsonContent', 'loadTextContent', 'readEnvironmentVariable'],
  ...['reference', 'nameof', 'utcNow', 'newGuid'],
];

export function isFunction(name: string): boolean {
  return (
    name in FUNCTIONS || name in HIGHER || PLACED.includes(name) || /^list[A-Z]/.test(name) || name === 'getSecret'
  );
}

export function called(name: string, args: readonly Value[]): Value {
  const pure = FUNCTIONS[name];
  const whole = args.some((one) => one instanceof Unknown) && !['guid', 'uniqueString', 'string'].includes(name);
  return pure === undefined || whole ? new Unknown(`${name}(${args.map(textOf).join(', ')})`) : pure(...args);
}
