/** App settings and connection strings of a site, and the references to a vault in them (consumer facts 2). */
import type { SecretDirectory } from '../../../certificate-directory.ts';
import { badRequest, type Asked, type Operation, type Resource } from '../../service.ts';
import { at } from '../bodies.ts';
import { siteOf, type ResolvedReference, type SiteState } from './state.ts';

type Collection = 'appsettings' | 'connectionstrings';
const COLLECTIONS: readonly Collection[] = ['appsettings', 'connectionstrings'];
/** So often the platform fetches by itself. */
export const REFERENCE_LAG_MS = 24 * 3600_000;

type Restart = (resource: Resource, how: 'soft' | 'full') => void;

export function settingOperations(type: string, restart: Restart): readonly Operation[] {
  return COLLECTIONS.flatMap((collection): Operation[] => [
    {
      method: 'GET',
      path: new RegExp(`^/config/configreferences/${collection}$`, 'i'),
      action: `${type}/config/read`,
      begin: (asked) => () => {
        const site = siteOf(asked.resource);
        if (site.lag > 0) site.lag -= 1;
        else if (asked.now.getTime() - site.fetchedMs >= REFERENCE_LAG_MS) fetchAll(asked);
        return { status: 200, body: listed(asked.resource, collection) };
      },
    },
    {
      method: 'POST',
      path: new RegExp(`^/config/configreferences/${collection}/refresh$`, 'i'),
      action: `${type}/config/write`,
      begin: (asked) => () => {
        const site = siteOf(asked.resource);
        // The platform answers with what it has, and fetches when it comes to it.
        if (site.lag === 0) fetchAll(asked);
        else site.fetchedMs = 0;
        return { status: 200, body: listed(asked.resource, collection) };
      },
    },
    {
      method: 'POST',
      path: new RegExp(`^/config/${collection}/list$`, 'i'),
      action: `${type}/config/list/action`,
      begin:
        ({ resource }) =>
        () => ({ status: 200, body: dictionary(resource, collection) }),
    },
    {
      method: 'PUT',
      path: new RegExp(`^/config/${collection}$`, 'i'),
      action: `${type}/config/write`,
      begin(asked) {
        const { resource, request } = asked;
        const properties = at(request.json, 'properties');
        if (typeof properties !== 'object' || properties === null) throw badRequest('Properties are missing.');
        return () => {
          const site = siteOf(resource);
          // The whole dictionary is replaced: what is not given is gone.
          if (collection === 'appsettings') site.settings = { ...(properties as SiteState['settings']) };
          else site.connectionStrings = { ...(properties as SiteState['connectionStrings']) };
          fetchAll(asked);
          restart(resource, 'full');
          return { status: 200, body: dictionary(resource, collection) };
        };
      },
    },
  ]);
}

/** What the platform fetches when the site is made. For tests. */
export function startSite(resource: Resource, secrets: SecretDirectory, now: Date): void {
  const site = siteOf(resource);
  fetch(site, secrets, now);
  site.environment = new Map([...site.resolved].map(([name, { version }]) => [name, version]));
}

function fetchAll({ resource, vault, now }: Asked): void {
  fetch(siteOf(resource), vault.secrets, now);
}

function fetch(site: SiteState, secrets: SecretDirectory | undefined, now: Date): void {
  site.fetchedMs = now.getTime();
  site.resolved = new Map(
    COLLECTIONS.flatMap((collection) =>
      Object.entries(textsOf(site, collection))
        .filter(([, text]) => isReference(text))
        .map(([name, text]) => [`${collection}/${name}`, resolve(site, text, secrets)] as const),
    ),
  );
}

function textsOf(site: SiteState, collection: Collection): Readonly<Record<string, string>> {
  if (collection === 'appsettings') return site.settings;
  return Object.fromEntries(Object.entries(site.connectionStrings).map(([name, { value }]) => [name, value]));
}

function isReference(text: string): boolean {
  return /^@Microsoft\.KeyVault\(/i.test(text);
}

interface Parts {
  readonly vault: string;
  readonly secret: string;
  readonly version: string;
}

function partsOf(text: string): Parts | undefined {
  const inner = /^@Microsoft\.KeyVault\((.*)\)$/i.exec(text)?.[1] ?? '';
  const fields = new Map(
    inner.split(';').map((part) => [part.split('=')[0]?.toLowerCase() ?? '', part.slice(part.indexOf('=') + 1)]),
  );
  const uri = fields.get('secreturi');
  if (uri === undefined) {
    const [vault = '', secret = ''] = [fields.get('vaultname'), fields.get('secretname')];
    return vault === '' || secret === '' ? undefined : { vault, secret, version: fields.get('secretversion') ?? '' };
  }
  if (!URL.canParse(uri)) return undefined;
  const { host, pathname } = new URL(uri);
  const [, secrets, secret = '', version = ''] = pathname.split('/');
  return secrets?.toLowerCase() === 'secrets' && secret !== ''
    ? { vault: host.split('.')[0] ?? '', secret, version }
    : undefined;
}

function resolve(site: SiteState, text: string, secrets: SecretDirectory | undefined): ResolvedReference {
  const parts = partsOf(text);
  if (parts === undefined) return { status: 'InvalidSyntax', version: '' };
  if (site.identity === 'none') return { status: 'MSINotEnabled', version: '' };
  if (site.identity === 'denied') return { status: 'AccessToKeyVaultDenied', version: '' };
  const seen = secrets?.lookUp(parts.vault, parts.secret, parts.version === '' ? undefined : parts.version);
  if (seen === undefined)
    return { status: parts.version === '' ? 'SecretNotFound' : 'SecretVersionNotFound', version: '' };
  return seen.enabled ? { status: 'Resolved', version: seen.version } : { status: 'OtherReasons', version: '' };
}

function listed(resource: Resource, collection: Collection): unknown {
  const site = siteOf(resource);
  return {
    value: Object.entries(textsOf(site, collection))
      .filter(([, text]) => isReference(text))
      .map(([name, reference]) => {
        const { vault, secret, version } = partsOf(reference) ?? { vault: '', secret: '', version: '' };
        const { status, version: activeVersion } = site.resolved.get(`${collection}/${name}`) ?? {
          status: 'Initialized',
          version: '',
        };
        const shown = { vaultName: vault, secretName: secret, secretVersion: version === '' ? null : version };
        const properties = {
          reference,
          status,
          ...shown,
          activeVersion,
          identityType: 'SystemAssigned',
          source: 'KeyVault',
        };
        return {
          id: `${resource.id}/config/configreferences/${collection}/${name}`,
          name,
          type: 'Microsoft.Web/sites/config',
          properties,
        };
      }),
  };
}

function dictionary(resource: Resource, collection: Collection): unknown {
  const site = siteOf(resource);
  const properties = collection === 'appsettings' ? site.settings : site.connectionStrings;
  return {
    id: `${resource.id}/config/${collection}`,
    name: collection,
    type: 'Microsoft.Web/sites/config',
    properties,
  };
}
