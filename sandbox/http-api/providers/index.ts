/** Every provider that can be played, by the name of Keyturn's description of it. */
import type { Provider } from '../provider.ts';
import { cloudflareAccountTokens, cloudflareUserTokens } from './cloudflare.ts';
import { databricks } from './databricks.ts';
import { datadogApiKeys, datadogApplicationKeys } from './datadog.ts';
import { dynatrace } from './dynatrace.ts';
import { elasticsearch } from './elasticsearch.ts';
import { gitlabGroupTokens, gitlabProjectTokens } from './gitlab.ts';
import { grafana } from './grafana.ts';
import { newrelic } from './newrelic.ts';
import { openaiAdminKeys, openaiServiceAccounts } from './openai.ts';
import { sendgrid } from './sendgrid.ts';
import { twilio } from './twilio.ts';

const ALL: readonly Provider[] = [
  cloudflareAccountTokens,
  cloudflareUserTokens,
  databricks,
  datadogApiKeys,
  datadogApplicationKeys,
  dynatrace,
  elasticsearch,
  gitlabGroupTokens,
  gitlabProjectTokens,
  grafana,
  newrelic,
  openaiAdminKeys,
  openaiServiceAccounts,
  sendgrid,
  twilio,
];

export const PROVIDERS: ReadonlyMap<string, Provider> = new Map(ALL.map((one) => [one.name, one]));
