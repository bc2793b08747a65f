import { createHmac, timingSafeEqual } from 'node:crypto';
import type { SandboxRequest } from '../http.ts';

/** Why a SAS token does not open what was asked for: the code and text of the service. */
export interface SasRefusal {
  readonly code: string;
  readonly text: string;
  readonly detail?: string;
}

const FAILED =
  'Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.';

/**
 * Verifies the SAS token of a request, as the Blob service does:
 * learn.microsoft.com/rest/api/storageservices/create-account-sas and create-service-sas, for `sv` 2020-12-06 and later.
 * @param keys of the account, each of which may have signed
 * @returns undefined when it opens what was asked for
 */
export function refuseSas(
  request: SandboxRequest,
  account: string,
  keys: readonly string[],
  now: Date,
): SasRefusal | undefined {
  const get = (name: string): string => request.query.get(name) ?? '';
  const text = request.query.has('ss') ? accountText(get, account) : serviceText(get, account, partsOf(request));
  if (!keys.some((key) => signed(key, text, get('sig')))) {
    const detail = 'Signature did not match. String to sign used was ';
    return { code: 'AuthenticationFailed', text: FAILED, detail: `${detail}${text}` };
  }
  const [start, end] = [Date.parse(get('st')), Date.parse(get('se'))];
  if (start > now.getTime() || !(end > now.getTime())) {
    const detail = `Signature not valid in the specified time frame: Start [${get('st')}] - Expiry [${get('se')}] - Current [${now.toUTCString()}]`;
    return { code: 'AuthenticationFailed', text: FAILED, detail };
  }
  return mismatch(get, request);
}

/** The rights that the sandbox's few requests need. */
function mismatch(get: (name: string) => string, request: SandboxRequest): SasRefusal | undefined {
  const depth = partsOf(request).length;
  const type = depth === 0 ? 's' : depth === 1 ? 'c' : 'o';
  const ofAccount = request.query.has('ss');
  const lists = get('comp') === 'list';
  if (ofAccount && !get('ss').includes('b')) return notThis('AuthorizationServiceMismatch', 'service');
  // A container's token lists its blobs, and does nothing else to the container itself.
  const opens = ofAccount ? get('srt').includes(type) : type === 'o' || (type === 'c' && lists && get('sr') === 'c');
  if (!opens) return notThis('AuthorizationResourceTypeMismatch', 'resource type');
  if (!get('sp').includes(lists ? 'l' : 'r')) return notThis('AuthorizationPermissionMismatch', 'permission');
  return undefined;
}

function notThis(code: string, what: string): SasRefusal {
  return { code, text: `This request is not authorized to perform this operation using this ${what}.` };
}

/** Container and blob, as far as the path names them. */
function partsOf({ segments }: SandboxRequest): readonly string[] {
  return segments.filter((segment) => segment !== '');
}

function accountText(get: (name: string) => string, account: string): string {
  const named = ['sp', 'ss', 'srt', 'st', 'se', 'sip', 'spr', 'sv', 'ses'].map(get);
  return [account, ...named, ''].join('\n');
}

function serviceText(get: (name: string) => string, account: string, parts: readonly string[]): string {
  const [container = '', ...blob] = parts;
  const path = get('sr') === 'b' ? [container, ...blob].join('/') : container;
  return [
    ...['sp', 'st', 'se'].map(get),
    `/blob/${account}/${path}`,
    ...['si', 'sip', 'spr', 'sv', 'sr'].map(get),
    '', // the time of a snapshot
    ...['ses', 'rscc', 'rscd', 'rsce', 'rscl', 'rsct'].map(get),
  ].join('\n');
}

function signed(key: string, text: string, signature: string): boolean {
  const expected = createHmac('sha256', Buffer.from(key, 'base64')).update(text, 'utf8').digest();
  const given = Buffer.from(signature, 'base64');
  return given.length === expected.length && timingSafeEqual(given, expected);
}
