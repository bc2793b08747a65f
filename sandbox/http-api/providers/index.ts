/** Every provider that can be played, by the name of Keyturn's description of it. */
import type { Provider } from '../provider.ts';
import { cloudflareAccountTokens, cloudflareUserTokens } from './cloudflare.ts';
import { datadogApiKeys, datadogApplicationKeys } from './datadog.ts';
import { gitlabGroupTokens, gitlabProjectTokens } from './gitlab.ts';
import { sendgrid } from './sendgrid.ts';
import { twilio } from './twilio.ts';

const ALL: readonly Provider[] = [
  cloudflareAccountTokens,
  cloudflareUserTokens,
  datadogApiKeys,
  datadogApplicationKeys,
  gitlabGroupTokens,
  gitlabProjectTokens,
  sendgrid,
  twilio,
];

export const PROVIDERS: ReadonlyMap<string, Provider> = new Map(ALL.map((one) => [one.name, one]));
