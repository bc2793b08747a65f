import { createHmac, timingSafeEqual } from 'node:crypto';
import type { SandboxRequest } from '../http.ts';

/** The standard headers in the order in which the string to sign has them. */
const SIGNED = [
  'content-encoding',
  'content-language',
  'content-length',
  'content-md5',
  'content-type',
  'date',
  'if-modified-since',
  'if-match',
  'if-none-match',
  'if-unmodified-since',
  'range',
] as const;

/**
 * The string that a client signs for the Blob service, version 2015-02-21 and later:
 * learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
 */
export function stringToSign(account: string, request: SandboxRequest): string {
  const { headers } = request;
  const standard = SIGNED.map((name) => {
    const value = headers[name];
    if (name === 'content-length' && value === '0') return '';
    if (name === 'date' && headers['x-ms-date'] !== undefined) return '';
    return value ?? '';
  });
  const extra = Object.entries(headers)
    .filter(([name]) => name.startsWith('x-ms-'))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}:${String(value).trim()}\n`);
  const query = new Map<string, string[]>();
  for (const [name, value] of request.query) {
    const lower = name.toLowerCase();
    query.set(lower, [...(query.get(lower) ?? []), value]);
  }
  const parameters = [...query]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, values]) => `\n${name}:${values.sort().join(',')}`);
  return `${request.method}\n${standard.join('\n')}\n${extra.join('')}/${account}${request.path}${parameters.join('')}`;
}

/** Was the request signed with this key? */
export function signedWith(key: string, account: string, request: SandboxRequest): boolean {
  const sent = /^SharedKey ([a-z0-9]+):(.+)$/.exec(request.headers.authorization ?? '');
  if (sent?.[1] !== account) return false;
  const expected = createHmac('sha256', Buffer.from(key, 'base64')).update(stringToSign(account, request)).digest();
  const given = Buffer.from(sent[2] ?? '', 'base64');
  return given.length === expected.length && timingSafeEqual(given, expected);
}
