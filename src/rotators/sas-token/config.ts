import { configInvalid, type Problem } from '../../rotation/errors.ts';
import type { ObjectRef, Target, TargetInput } from '../../rotation/ports.ts';
import { nameOf, readAddress, sourceProblems } from '../sources/address.ts';

/** What a token opens: services of an account, a container of blobs, or one blob. */
export type SasScope =
  | { readonly kind: 'account'; readonly services: string; readonly resourceTypes: string }
  | { readonly kind: 'container'; readonly container: string }
  | { readonly kind: 'blob'; readonly container: string; readonly blob: string };

export interface SasConfig {
  /** The secret that holds the account's key. */
  readonly source: ObjectRef;
  readonly account: string;
  readonly scope: SasScope;
  /** Letters, in the order in which they were written. */
  readonly permissions: string;
  /** The addresses that may use the token; anybody's when absent. */
  readonly ip?: { readonly start: string; readonly end?: string };
  /** `host` or `host:port` of the service at which a token is tried. */
  readonly host: string;
}

/** The letters of `ss`, and the label of the service in the account's host names. */
const SERVICES: Readonly<Record<string, string>> = { q: 'queue', t: 'table', f: 'file' };
/** learn.microsoft.com/rest/api/storageservices/create-account-sas and create-service-sas. */
const PERMISSIONS: Readonly<Record<SasScope['kind'], string>> = {
  account: 'rwdxylacuptfi',
  container: 'racwdxyltfmei',
  blob: 'racwdxytmei',
};
const PARAMETERS = ['account', 'container', 'blob', 'ss', 'srt', 'sp', 'sip', 'spr'];
const CONTAINER = /^(?:\$root|\$web|\$logs|(?=.{3,63}$)[a-z0-9]+(?:-[a-z0-9]+)*)$/;
const IP = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

type Report = (parameter: string, message: string) => void;

/**
 * Reads `https://<vault>/secrets/<name>?account=…&…`. The parameters have the names that they have in a SAS token.
 * @param storageSuffix DNS suffix of Azure Storage, `core.windows.net` in the public cloud, with a port if it has one
 * @throws CONFIG_INVALID with every problem, each with its parameter: `tags.ProviderAddress?sp`
 */
export function parseTarget(
  { providerAddress }: TargetInput,
  serves: (vault: string) => boolean,
  storageSuffix: string,
): Target<SasConfig> {
  const source = readAddress(providerAddress);
  const problems: Problem[] = [...sourceProblems(source, serves)];
  const report: Report = (parameter, message) => {
    problems.push({ path: `tags.ProviderAddress?${parameter}`, message });
  };
  const query = URL.canParse(providerAddress) ? new URL(providerAddress).searchParams : new URLSearchParams();
  const parsed = readQuery(query, report);
  if (source === undefined || problems.length > 0) throw configInvalid('the tags of a SAS token', problems);
  const host = `${parsed.account}.${serviceOf(parsed.scope)}.${storageSuffix}`;
  return {
    id: `${nameOf(source)} for https://${host}${pathOf(parsed.scope)}`,
    slots: [],
    current: '',
    sources: [source],
    computed: true,
    endedBy: `The SAS token before still works until its own end. To end it now, rotate the key that signed it: POST /api/rotations {"vault":"${source.vault}","name":"${source.name}","reason":"compromised"}`,
    hosts: [new URL(source.vault).host, host],
    config: { source, host, ...parsed },
  };
}

/** `/`, `/container` or `/container/blob`, encoded. */
export function pathOf(scope: SasScope): string {
  if (scope.kind === 'account') return '/';
  const blob = scope.kind === 'blob' ? `/${scope.blob.split('/').map(encodeURIComponent).join('/')}` : '';
  return `/${scope.container}${blob}`;
}

/** Blob wherever the token opens it: its hosts are allowed without a setting. */
function serviceOf(scope: SasScope): string {
  if (scope.kind !== 'account' || scope.services.includes('b')) return 'blob';
  return SERVICES[scope.services[0] ?? ''] ?? 'blob';
}

function readQuery(query: URLSearchParams, report: Report): Omit<SasConfig, 'source' | 'host'> {
  for (const name of new Set(query.keys())) {
    if (!PARAMETERS.includes(name)) report(name, `is no parameter; there are ${PARAMETERS.join(', ')}`);
    else if (query.getAll(name).length > 1) report(name, 'is there twice');
  }
  const account = query.get('account') ?? '';
  if (!/^[a-z0-9]{3,24}$/.test(account)) {
    report('account', 'must be the name of a storage account: 3 to 24 small letters and digits');
  }
  const spr = query.get('spr') ?? 'https';
  if (spr !== 'https') report('spr', 'may only be https: a token that travels in the clear is everybody’s');
  const scope = readScope(query, report);
  const permissions = query.get('sp') ?? '';
  const known = PERMISSIONS[scope.kind];
  if (!isSubset(permissions, known)) report('sp', `must be some of ${known}, each once`);
  const ip = readIp(query.get('sip'), report);
  return { account, scope, permissions, ...(ip === undefined ? {} : { ip }) };
}

function readScope(query: URLSearchParams, report: Report): SasScope {
  const [container, blob] = [query.get('container'), query.get('blob')];
  if (container === null && blob === null) {
    const [services, resourceTypes] = [query.get('ss') ?? '', query.get('srt') ?? ''];
    if (!isSubset(services, 'bqtf')) report('ss', 'must be some of b, q, t and f; or name a container');
    if (!isSubset(resourceTypes, 'sco')) report('srt', 'must be some of s, c and o; or name a container');
    return { kind: 'account', services, resourceTypes };
  }
  for (const name of ['ss', 'srt']) {
    if (query.has(name)) report(name, 'is for a token of the whole account, and this one is for a container');
  }
  if (!CONTAINER.test(container ?? '')) report('container', 'is not the name of a container');
  if (blob === null) return { kind: 'container', container: container ?? '' };
  // A line break would end the line in what is signed, and the rest of the name be taken for the fields that follow.
  if (blob === '' || blob.length > 1024 || /\p{Cc}/u.test(blob) || /(?:^|\/)\.{1,2}(?:\/|$)/.test(blob)) {
    report('blob', 'is not the name of a blob');
  }
  return { kind: 'blob', container: container ?? '', blob };
}

function readIp(text: string | null, report: Report): SasConfig['ip'] {
  if (text === null) return undefined;
  const [start = '', end, more] = text.split('-');
  if (more !== undefined || !IP.test(start) || (end !== undefined && !IP.test(end))) {
    report('sip', 'must be an IPv4 address, or two with a hyphen between them');
    return undefined;
  }
  if (end !== undefined && asNumber(end) < asNumber(start)) {
    report('sip', 'ends before it begins');
    return undefined;
  }
  return end === undefined ? { start } : { start, end };
}

function asNumber(ip: string): number {
  return ip.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function isSubset(text: string, letters: string): boolean {
  return (
    text !== '' && new Set(text).size === text.length && Array.from(text).every((letter) => letters.includes(letter))
  );
}
