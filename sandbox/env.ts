/** The app's environment in the sandbox: what the platform gives, and the settings of the README's table. */
import type { ArmService } from './arm/arm.ts';
import type { AzuriteService } from './azurite/azurite.ts';
import type { BlobService } from './blob/blob.ts';
import type { EndpointService } from './external/external.ts';
import type { TopicService } from './eventgrid/topic.ts';
import type { GraphService } from './graph/graph.ts';
import type { ProviderService } from './http-api/http-api.ts';
import type { IdentityService } from './identity/identity.ts';
import type { MysqlService } from './mysql/mysql.ts';
import type { PostgresService } from './postgres/postgres.ts';
import { TLS_PORT_VARIABLE } from './port-443.ts';
import type { ReceiverService } from './receiver/receiver.ts';
import type { ServicesService } from './services.ts';
import type { Tds } from './tds/tds.ts';
import type { TlsFront } from './tls-front.ts';
import type { VaultService } from './vault/vault.ts';

/** The parts that the environment tells of; those that are left out are left out of it. */
export interface EnvParts {
  readonly identity?: IdentityService;
  readonly vault?: VaultService;
  readonly topic?: TopicService;
  readonly azurite?: AzuriteService;
  readonly arm?: ArmService;
  readonly graph?: GraphService;
  readonly blob?: BlobService;
  /** Where the services of `arm` serve certificates. */
  readonly tls?: TlsFront;
  readonly services?: ServicesService;
  readonly postgres?: PostgresService;
  readonly mysql?: MysqlService;
  readonly tds?: Tds;
  /** A provider of API keys: SendGrid. */
  readonly keys?: ProviderService;
  readonly endpoint?: EndpointService;
  /** Who is told of new versions; no channel is named to the app, and its host is allowed. */
  readonly receiver?: ReceiverService;
}

/** The SQL server's administrator that logs in with the app's own Entra token. */
export const SQL_ENTRA_ADMIN = 'keyturn_identity';

/** Secrets of the first vault that the settings name; whoever wants them used seeds them. */
export const KEYS_ADMINISTRATOR = 'mail-administrator';
export const ENDPOINT_KEY = 'erp-signing-key';

export function appEnv(parts: EnvParts, caFile: string): Record<string, string> {
  const { identity, vault, topic, azurite, arm, graph, blob, tls, services, postgres, mysql, tds, keys, endpoint } =
    parts;
  const hosts: string[] = [];
  const administrators: Record<string, unknown> = {};
  const env: Record<string, string> = {
    NODE_EXTRA_CA_CERTS: caFile,
    KEYTURN_SWEEP_SCHEDULE: '0 */5 * * * *',
    ...identity?.env,
  };
  if (vault) env['KEYTURN_VAULTS'] = vault.names.map((name) => vault.url(name)).join(',');
  if (topic) env['KEYTURN_TOPIC_ENDPOINT'] = topic.endpoint;
  if (azurite) {
    env['KeyturnStorage__queueServiceUri'] = azurite.queueUrl;
    env['KeyturnStorage__tableServiceUri'] = azurite.tableUrl;
  }
  if (arm) {
    env['KEYTURN_ARM_ENDPOINT'] = arm.origin;
    hosts.push(new URL(arm.origin).host);
  }
  if (arm && tls) {
    env['KEYTURN_SUBSCRIPTIONS'] = arm.subscriptionId;
    env[TLS_PORT_VARIABLE] = String(tls.port);
  }
  if (graph) {
    env['KEYTURN_GRAPH_ENDPOINT'] = graph.origin;
    env['KEYTURN_LOGIN_ENDPOINT'] = graph.loginOrigin;
  }
  if (blob) {
    env['KEYTURN_STORAGE_SUFFIX'] = blob.suffix;
    hosts.push(`*.blob.${blob.suffix}`);
  }
  // Like ARM's and Blob's hosts, these are allowed by the setting itself.
  if (services) env['KEYTURN_SERVICE_SUFFIXES'] = JSON.stringify(services.suffixes);
  if (postgres) {
    env['KEYTURN_POSTGRES_SUFFIX'] = suffixOf(postgres.host);
    hosts.push(`${postgres.host}:${postgres.port}`);
    administrators[postgres.host] = { user: postgres.entraAdmin, managedIdentity: true };
  }
  if (mysql) {
    env['KEYTURN_MYSQL_SUFFIX'] = suffixOf(mysql.host);
    hosts.push(`${mysql.host}:${mysql.port}`);
    administrators[mysql.host] = { user: mysql.entraAdmin, managedIdentity: true };
  }
  if (tds) {
    env['KEYTURN_SQL_SUFFIX'] = suffixOf(tds.name);
    hosts.push(`${tds.name}:${tds.port}`);
    administrators[tds.name] = { user: SQL_ENTRA_ADMIN, managedIdentity: true };
  }
  const secretOf = (name: string): string => `${vault?.url(vault.names[0] ?? '') ?? ''}/secrets/${name}`;
  if (vault && keys) {
    const mail = { description: 'sendgrid', host: keys.host, variables: { scopes: ['mail.send'] }, allowPrivate: true };
    env['KEYTURN_HTTP_APIS'] = JSON.stringify({ mail: { ...mail, secret: secretOf(KEYS_ADMINISTRATOR) } });
    hosts.push(keys.host);
  }
  if (vault && endpoint) {
    const erp = { url: endpoint.url, secret: secretOf(ENDPOINT_KEY), allowPrivate: true };
    env['KEYTURN_EXTERNAL'] = JSON.stringify({ erp, 'erp-pair': { ...erp, overlap: 'two-slots' } });
    hosts.push(endpoint.host);
  }
  if (parts.receiver) hosts.push(parts.receiver.host);
  if (hosts.length > 0) env['KEYTURN_ALLOWED_HOSTS'] = hosts.join(',');
  if (Object.keys(administrators).length > 0) env['KEYTURN_ADMINISTRATORS'] = JSON.stringify(administrators);
  return env;
}

/** `pg.postgres.sandbox.test` gives `.postgres.sandbox.test`. */
function suffixOf(host: string): string {
  return host.slice(host.indexOf('.'));
}
