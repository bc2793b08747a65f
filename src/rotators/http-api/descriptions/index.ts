import cloudflareAccountTokens from './cloudflare-account-tokens.json' with { type: 'json' };
import cloudflareUserTokens from './cloudflare-user-tokens.json' with { type: 'json' };
import databricks from './databricks.json' with { type: 'json' };
import datadogApiKeys from './datadog-api-keys.json' with { type: 'json' };
import datadogApplicationKeys from './datadog-application-keys.json' with { type: 'json' };
import dynatrace from './dynatrace.json' with { type: 'json' };
import elasticsearch from './elasticsearch.json' with { type: 'json' };
import gitlabGroupTokens from './gitlab-group-tokens.json' with { type: 'json' };
import gitlabProjectTokens from './gitlab-project-tokens.json' with { type: 'json' };
import grafanaServiceAccountTokens from './grafana-service-account-tokens.json' with { type: 'json' };
import newrelicUserKeys from './newrelic-user-keys.json' with { type: 'json' };
import openaiAdminKeys from './openai-admin-keys.json' with { type: 'json' };
import openaiServiceAccounts from './openai-service-accounts.json' with { type: 'json' };
import sendgrid from './sendgrid.json' with { type: 'json' };
import twilio from './twilio.json' with { type: 'json' };

/**
 * The descriptions that come with Keyturn, by name; unchecked, like any other. They are small and part of the bundle: which
 * of them the settings name has to be known when the app starts.
 */
export const READY: ReadonlyMap<string, unknown> = new Map<string, unknown>(
  [
    cloudflareAccountTokens,
    cloudflareUserTokens,
    databricks,
    datadogApiKeys,
    datadogApplicationKeys,
    dynatrace,
    elasticsearch,
    gitlabGroupTokens,
    gitlabProjectTokens,
    grafanaServiceAccountTokens,
    newrelicUserKeys,
    openaiAdminKeys,
    openaiServiceAccounts,
    sendgrid,
    twilio,
  ].map((one) => [one.name, one]),
);
