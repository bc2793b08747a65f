import type { SecretValue } from '../rotation/ports.ts';

/** The only file here that sees an address which a vault holds. What is no https address is not quoted. */
export function addressIn(value: SecretValue): URL | undefined {
  const text = value.reveal().trim();
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.protocol === 'https:' && url.username + url.password + url.hash === '' ? url : undefined;
}
