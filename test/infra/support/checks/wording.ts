/** What may be written, and what has to be. */
import { at, type Project } from '../bicep/project.ts';
import type { Decorator, TypeNode } from '../bicep/syntax.ts';
import { everyExpression, propertyOf, written } from '../bicep/walk.ts';

const described = (decorators: readonly Decorator[]): boolean =>
  decorators.some(({ name, args: [text] }) => name === 'description' && text?.kind === 'literal' && text.value !== '');

/** Every parameter, output, type and property of a type says what it is. */
export function descriptions({ files }: Project): readonly string[] {
  return [...files].flatMap(([path, { parameters, outputs, types }]) => [
    ...[...parameters, ...outputs, ...types]
      .filter(({ decorators }) => !described(decorators))
      .map(({ name, line }) => `${at(path, line)}: ${name} has no description`),
    ...[...parameters, ...outputs, ...types].flatMap(({ name, type }) =>
      bare(type).map(([property, line]) => `${at(path, line)}: ${property} of ${name} has no description`),
    ),
  ]);
}

function bare(type: TypeNode): readonly (readonly [name: string, line: number])[] {
  if (type.kind === 'array' || type.kind === 'nullable') return bare(type.of);
  if (type.kind === 'union') return type.members.flatMap(bare);
  if (type.kind !== 'object') return [];
  return type.properties.flatMap((one) => [
    ...(described(one.decorators) ? [] : [[one.name, one.line] as const]),
    ...bare(one.type),
  ]);
}

/** No open object or array: what is in it is said by a type. */
export function openTypes({ files }: Project): readonly string[] {
  const open = (type: TypeNode): boolean =>
    type.kind === 'array' || type.kind === 'nullable'
      ? open(type.of)
      : type.kind === 'named' && ['object', 'array', 'any'].includes(type.name);
  return [...files].flatMap(([path, { parameters, outputs }]) =>
    [...parameters, ...outputs]
      .filter(({ type }) => open(type))
      .map(({ name, line }) => `${at(path, line)}: the type of ${name} is open; declare one`),
  );
}

/** The hosts of the linter's rule no-hardcoded-env-urls: they are other ones in other clouds. */
const CLOUD_HOSTS =
  /(?:vault\.azure\.net|core\.windows\.net|database\.windows\.net|graph\.windows\.net|login\.microsoftonline\.com|management\.azure\.com|management\.core\.windows\.net|trafficmanager\.net|azuredatalakestore\.net|azuredatalakeanalytics\.net|api\.loganalytics\.io|batch\.core\.windows\.net|gallery\.azure\.com)/i;

export function cloudHosts({ files }: Project): readonly string[] {
  return [...files].flatMap(([path, file]) =>
    [...everyExpression(file)].flatMap(([one]) => {
      const texts = one.kind === 'template' ? one.pieces : one.kind === 'literal' ? [String(one.value)] : [];
      const host = texts.map((text) => CLOUD_HOSTS.exec(text)?.[0]).find((found) => found !== undefined);
      // A private zone is named so in every cloud that has it as a parameter's default, which the linter lets pass as well.
      return host === undefined || path.endsWith('.bicepparam')
        ? []
        : [`${at(path, one.line)}: ${host} is only in the public cloud; use environment()`];
    }),
  );
}

interface Deprecated {
  readonly type: RegExp;
  /** The properties on the way, `*` for any. */
  readonly path: string;
  readonly is?: string;
  readonly why: string;
}

const DEPRECATED: readonly Deprecated[] = [
  {
    type: /diagnosticSettings$/i,
    path: 'retentionPolicy',
    why: 'retention in diagnostic settings is retired; the workspace keeps',
  },
  { type: /KeyVault\/vaults$/i, path: 'accessPolicies', why: 'access is by roles' },
  { type: /KeyVault\/vaults$/i, path: 'enableSoftDelete', is: 'false', why: 'soft delete cannot be off any more' },
  { type: /KeyVault\/vaults$/i, path: 'enableRbacAuthorization', is: 'false', why: 'access is by roles' },
  { type: /KeyVault\/vaults$/i, path: 'enablePurgeProtection', is: 'false', why: 'it is true or null, never false' },
  { type: /Web\/sites$/i, path: 'vnetRouteAllEnabled', why: 'outboundVnetRouting is its successor' },
  { type: /Web\/sites$/i, path: 'vnetContentShareEnabled', why: 'outboundVnetRouting is its successor' },
  { type: /storageAccounts$/i, path: 'minimumTlsVersion', is: "'TLS1_0'", why: 'TLS 1.2 is the least' },
  { type: /storageAccounts$/i, path: 'minimumTlsVersion', is: "'TLS1_1'", why: 'TLS 1.2 is the least' },
  { type: /storageAccounts$/i, path: 'allowSharedKeyAccess', is: 'true', why: 'storage is reached by identity' },
  {
    type: /eventSubscriptions$/i,
    path: 'eventDeliverySchema',
    is: "'EventGridSchema'",
    why: 'CloudEvents is what is delivered',
  },
];
/** Definitions of policies and roles that are there and should not be used any more. */
const RETIRED_IDS: Readonly<Record<string, string>> = {
  '5f0bc445-3935-4915-9981-011aa2b46147':
    'the policy for private endpoints of vaults is deprecated; a6abeaec-… is its successor',
};

export function deprecated({ files }: Project): readonly string[] {
  return [...files].flatMap(([path, file]) => [
    ...file.resources.flatMap(({ type, body, name }) =>
      DEPRECATED.filter((one) => one.type.test(type)).flatMap((rule) => {
        const found = propertiesNamed(body, rule.path).filter(
          (value) => rule.is === undefined || written(value) === rule.is,
        );
        return found.map((value) => `${at(path, value.line)}: ${name} has ${rule.path}: ${rule.why}`);
      }),
    ),
    ...[...everyExpression(file)].flatMap(([one]) => {
      const why = one.kind === 'literal' ? RETIRED_IDS[String(one.value)] : undefined;
      return why === undefined ? [] : [`${at(path, one.line)}: ${why}`];
    }),
  ]);
}

type Value = Parameters<typeof written>[0];

/** The values of a property of this name, wherever in the body it is. */
function propertiesNamed(value: Value, name: string): readonly Value[] {
  if (value.kind === 'array') return value.items.flatMap((one) => propertiesNamed(one, name));
  if (value.kind === 'for') return propertiesNamed(value.body, name);
  if (value.kind === 'ternary') return [...propertiesNamed(value.yes, name), ...propertiesNamed(value.no, name)];
  if (value.kind !== 'object') return [];
  const own = propertyOf(value, name);
  return [...(own === undefined ? [] : [own]), ...value.properties.flatMap((one) => propertiesNamed(one.value, name))];
}

/** `a/b` as a name, where `parent:` says it. */
export function compoundNames({ files }: Project): readonly string[] {
  return [...files].flatMap(([path, { resources }]) =>
    resources
      .filter(({ body }) => {
        const name = propertyOf(body, 'name');
        const texts = name?.kind === 'template' ? name.pieces : name?.kind === 'literal' ? [String(name.value)] : [];
        return texts.some((text) => text.includes('/'));
      })
      .map(({ name, line }) => `${at(path, line)}: ${name} names its parent in its own name; use parent`),
  );
}
