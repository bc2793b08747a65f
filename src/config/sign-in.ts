import type { Env, Report } from './values.ts';
import { setting } from './values.ts';

/** Who lets callers of the HTTP endpoints in: the platform's log-in with Entra, or the host with its keys. */
export type SignIn = 'entra' | 'key';

const NAME = 'KEYTURN_SIGN_IN';

/**
 * Asked for when the endpoints are registered, before any setting is checked: whatever is not exactly `entra` means
 * keys, so that a misspelling closes the endpoints and never opens them.
 */
export function signIn(env: Env = process.env): SignIn {
  return setting(env, NAME) === 'entra' ? 'entra' : 'key';
}

export function readSignIn(env: Env, report: Report): SignIn {
  const value = setting(env, NAME);
  if (value !== undefined && value !== 'entra' && value !== 'key') report(NAME, 'must be "entra" or "key"');
  return signIn(env);
}

/**
 * Is the platform's log-in really on? It strips the headers that name the caller from what comes in, and writes them
 * itself; without it anybody may write them. The platform injects this variable, read-only, on Windows and Linux
 * (learn.microsoft.com/azure/app-service/reference-app-settings). Not seen on Flex Consumption yet: were it absent
 * there, every request is refused, and says so.
 */
export function platformSignsIn(env: Env = process.env): boolean {
  return setting(env, 'WEBSITE_AUTH_ENABLED')?.toLowerCase() === 'true';
}
