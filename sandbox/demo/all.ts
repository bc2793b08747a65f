/** One secret of every further kind of rotator: `npm run demo -- --all`. */
import { randomBytes } from 'node:crypto';
import {
  ContainerClient,
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import { createAt, PLACES, type Place } from '../arm/places.ts';
import { clientAssertion } from './client-assertion.ts';
import { ENDPOINT_KEY, KEYS_ADMINISTRATOR } from '../env.ts';
import { findMariaDb } from '../mysql/binaries.ts';
import type { MysqlService } from '../mysql/mysql.ts';
import type { Sandbox } from '../sandbox.ts';
import { EXPIRES_IN_MS, logInToPostgres, logInToSqlServer, READER, type DemoObject, type Held } from './objects.ts';

const DAY_MS = 24 * 3600_000;

/** Seeded after the three of the plain demo: one of them is what the derived secret is computed from. */
export async function seedTheOthers(sandbox: Sandbox): Promise<readonly DemoObject[]> {
  return [
    await seedPostgresSingle(sandbox),
    ...(await seedMysql(sandbox)),
    seedSqlServerSingle(sandbox),
    ...firstOfEachKind(PLACES).map((place) => seedArmKey(sandbox, place)),
    seedEntraApp(sandbox),
    await seedEntraCertificate(sandbox),
    seedApiKey(sandbox),
    ...seedExternal(sandbox),
    seedRandom(sandbox),
    seedManual(sandbox),
    seedDerived(sandbox),
    seedSasToken(sandbox),
  ];
}

async function seedPostgresSingle({ postgres, vault }: Sandbox): Promise<DemoObject> {
  const { user, password } = await postgres.createPair({ name: 'stock', alternate: 'stock_unused' });
  const { host, port, database, address } = postgres;
  vault.seed('kv', 'stock-db', {
    value: `postgresql://${user}:${password}@${host}:${port}/${database}?sslmode=verify-full`,
    expiresInMs: EXPIRES_IN_MS,
    tags: { CredentialId: user, ProviderAddress: address, Rotator: 'postgres-single' },
  });
  return {
    name: 'stock-db',
    rotator: 'postgres-single',
    inPlace: true,
    login: ({ value }) => logInToPostgres(value),
  };
}

/** Where the machine has MariaDB's server. */
async function seedMysql(sandbox: Sandbox): Promise<readonly DemoObject[]> {
  if (findMariaDb() === undefined) return [];
  const { mysql, vault } = sandbox;
  const pair = await mysql.createPair({ name: 'shop_a', alternate: 'shop_b' });
  const alone = await mysql.createPair({ name: 'cart', alternate: 'cart_unused' });
  const urlOf = ({ user, password }: { user: string; password: string }): string =>
    mysql.address.replace('://', `://${user}:${password}@`);
  const login = ({ value }: { readonly value: string }): Promise<void> => logInToMysql(mysql, value);
  vault.seed('kv', 'shop-db', {
    value: urlOf(pair),
    expiresInMs: EXPIRES_IN_MS,
    tags: { CredentialId: pair.user, AlternateCredentialId: pair.alternate, ProviderAddress: mysql.address },
  });
  vault.seed('kv', 'cart-db', {
    value: urlOf(alone),
    expiresInMs: EXPIRES_IN_MS,
    tags: { CredentialId: alone.user, ProviderAddress: mysql.address, Rotator: 'mysql-single' },
  });
  return [
    { name: 'shop-db', rotator: 'mysql', login },
    { name: 'cart-db', rotator: 'mysql-single', inPlace: true, login },
  ];
}

async function logInToMysql(mysql: MysqlService, value: string): Promise<void> {
  const { username, password } = new URL(value);
  const session = await mysql.login(decodeURIComponent(username), decodeURIComponent(password));
  await session.end();
}

function seedSqlServerSingle({ tds, vault }: Sandbox): DemoObject {
  const password = `Demo-1a-${randomBytes(12).toString('hex')}`;
  tds.addLogin('wages', password);
  vault.seed('kv', 'wages-db', {
    value: `Server=tcp:${tds.name},${tds.port};Database=appdb;User ID=wages;Password=${password};Encrypt=True;`,
    expiresInMs: EXPIRES_IN_MS,
    tags: {
      CredentialId: 'wages',
      ProviderAddress: `${tds.name}:${tds.port}/appdb`,
      Rotator: 'sql-server-single',
    },
  });
  return {
    name: 'wages-db',
    rotator: 'sql-server-single',
    inPlace: true,
    login: ({ value }) => logInToSqlServer(value),
  };
}

function firstOfEachKind(places: readonly Place[]): readonly Place[] {
  return places.filter((place) => places.find(({ kind }) => kind === place.kind) === place);
}

/** Its readers ask the service itself whether the key is one of its two. */
function seedArmKey({ arm, vault }: Sandbox, place: Place): DemoObject {
  const name = place.kind;
  const made = createAt(arm, place, `demo${place.kind.replaceAll('-', '')}`);
  vault.seed('kv', name, {
    value: made.key(made.credentialId),
    expiresInMs: EXPIRES_IN_MS,
    tags: {
      CredentialId: made.credentialId,
      ProviderAddress: made.providerAddress,
      ...(made.alternateCredentialId === undefined ? {} : { AlternateCredentialId: made.alternateCredentialId }),
    },
  });
  const resource = made.resource.names['name'] ?? '';
  return {
    name,
    rotator: place.kind,
    owns: ({ operation }) => operation.includes(resource),
    login: ({ value }) => (made.accepts(value) ? Promise.resolve() : Promise.reject(new Error('the key is refused'))),
  };
}

/** Its readers get a token with it, as an application without a managed identity does. */
function seedEntraApp({ graph, vault }: Sandbox): DemoObject {
  const { app, secret } = graph.createApplication('demo');
  vault.seed('kv', 'app-secret', {
    value: secret.text,
    expiresInMs: EXPIRES_IN_MS,
    // Microsoft's own sample tags, as they are.
    tags: { CredentialId: secret.keyId, ProviderAddress: app.id, ValidityPeriodDays: '60' },
  });
  return {
    name: 'app-secret',
    rotator: 'entra-app-secret',
    owns: ({ system, operation }) => system === 'graph' && operation.includes(app.id),
    login: ({ value }) => getToken(graph, { client_id: app.appId, client_secret: value }),
  };
}

/** Its readers log in with the certificate that they find in the secret; the one in the vault is renewed on the way. */
async function seedEntraCertificate({ graph, vault, ctx }: Sandbox): Promise<DemoObject> {
  const { app } = graph.createApplication('demo-certificate');
  const { der } = await vault.certificates.seed('kv', 'app-login', {
    secret_props: { contentType: 'application/x-pem-file' },
  });
  const { keyId } = graph.applications.register(app, der, { name: 'made by hand', agoMs: 300 * DAY_MS });
  vault.seed('kv', 'app-certificate', {
    value: vault.certificates.content('kv', 'app-login'),
    expiresInMs: EXPIRES_IN_MS,
    tags: {
      CredentialId: keyId,
      ProviderAddress: `applications/${app.id}?certificate=${vault.certificates.url('kv', 'app-login')}`,
    },
  });
  const endpoint = `${graph.loginOrigin}/${graph.tenantId}/oauth2/v2.0/token`;
  return {
    name: 'app-certificate',
    rotator: 'entra-app-certificate',
    owns: ({ system, operation }) => system === 'graph' && operation.includes(app.id),
    login: ({ value }) =>
      getToken(graph, { client_id: app.appId, ...clientAssertion(value, app.appId, endpoint, ctx.clock.now()) }),
  };
}

async function getToken({ loginOrigin, tenantId }: Sandbox['graph'], proof: Record<string, string>): Promise<void> {
  const form = { ...proof, grant_type: 'client_credentials', scope: 'https://graph.microsoft.com/.default' };
  const answer = await fetch(`${loginOrigin}/${tenantId}/oauth2/v2.0/token`, {
    method: 'POST',
    body: new URLSearchParams(form),
    headers: { 'user-agent': READER },
  });
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`the token endpoint answered ${answer.status}`);
}

/** A key of the provider that the settings call `mail`; its readers ask it what the key may do. */
function seedApiKey({ keys, vault }: Sandbox): DemoObject {
  vault.seed('kv', KEYS_ADMINISTRATOR, { value: keys.administrator.stored });
  const { id, value } = keys.make('made by hand');
  vault.seed('kv', 'mail-key', {
    value,
    expiresInMs: EXPIRES_IN_MS,
    tags: { Rotator: 'http-api', ProviderAddress: 'mail', CredentialId: id },
  });
  return {
    name: 'mail-key',
    rotator: 'http-api',
    owns: ({ system, operation }) => system === 'http-api' && operation.includes('/v3/'),
    async login(held) {
      const headers = { authorization: `Bearer ${held.value}`, 'user-agent': READER };
      const answer = await fetch(`https://${keys.host}/v3/scopes`, { headers });
      await answer.arrayBuffer();
      if (!answer.ok) throw new Error(`the provider answered ${answer.status}`);
    },
  };
}

/** One endpoint, asked for a credential more, and for a new value of the idle one of two. */
function seedExternal({ endpoint: { system, signingKey }, vault }: Sandbox): readonly DemoObject[] {
  vault.seed('kv', ENDPOINT_KEY, { value: signingKey });
  const login = ({ value }: Held): Promise<void> =>
    system.accepts(value) ? Promise.resolve() : Promise.reject(new Error('the value is refused'));
  const one = system.make();
  vault.seed('kv', 'erp-key', {
    value: one.value,
    expiresInMs: EXPIRES_IN_MS,
    tags: { Rotator: 'external', ProviderAddress: 'erp', CredentialId: one.credentialId },
  });
  const first = system.make('erp_a');
  system.make('erp_b');
  vault.seed('kv', 'erp-account', {
    value: first.value,
    expiresInMs: EXPIRES_IN_MS,
    tags: {
      ...{ Rotator: 'external-pair', ProviderAddress: 'erp-pair/accounts' },
      ...{ CredentialId: 'erp_a', AlternateCredentialId: 'erp_b' },
    },
  });
  return [
    { name: 'erp-key', rotator: 'external', login },
    { name: 'erp-account', rotator: 'external-pair', login },
  ];
}

function seedRandom({ vault }: Sandbox): DemoObject {
  const tags = { Rotator: 'random', ValueShape: 'whsec_{base64:32}' };
  vault.seed('kv', 'webhook-secret', {
    value: `whsec_${randomBytes(32).toString('base64')}`,
    expiresInMs: EXPIRES_IN_MS,
    tags,
  });
  return { name: 'webhook-secret', rotator: 'random', notRevoked: true, login: looksLike(/^whsec_[\w+/]{43}=$/) };
}

function seedManual({ vault }: Sandbox): DemoObject {
  vault.seed('kv', 'partner-key', {
    value: `made-by-hand-${randomBytes(12).toString('hex')}`,
    expiresInMs: EXPIRES_IN_MS,
    tags: { Rotator: 'manual', ProviderAddress: 'https://portal.partner.example/keys' },
  });
  return { name: 'partner-key', rotator: 'manual', notRevoked: true, login: looksLike(/^made-by-hand-[0-9a-f]{24}$/) };
}

/** There is no system to log in to; its readers see that what they read has its shape. */
function looksLike(shape: RegExp): DemoObject['login'] {
  return ({ value }) => (shape.test(value) ? Promise.resolve() : Promise.reject(new Error('it has another shape')));
}

/** Another team's secret with the same log-in in it; it is not due by itself. */
function seedDerived({ vault }: Sandbox): DemoObject {
  const source = vault.peek('kv', 'orders-db').at(-1)?.value ?? '';
  vault.seed('kv', 'orders-report', {
    value: `${source}&application_name=report`,
    expiresInMs: 60 * DAY_MS,
    tags: { ProviderAddress: `${vault.url('kv')}/secrets/orders-db` },
  });
  return {
    name: 'orders-report',
    rotator: 'derived',
    follows: true,
    notRevoked: true,
    login: ({ value }) => logInToPostgres(value),
  };
}

/** A token for a container, signed with the key of the plain demo's storage account; it is not due by itself, either. */
function seedSasToken({ arm, blob, vault, ctx }: Sandbox): DemoObject {
  const account = 'demodata';
  const expiresOn = new Date(ctx.clock.now().getTime() + 61 * DAY_MS);
  const credential = new StorageSharedKeyCredential(account, arm.accounts.find(account)?.keys.key1.value ?? '');
  const token = generateBlobSASQueryParameters(
    { containerName: 'reports', permissions: ContainerSASPermissions.parse('rl'), expiresOn },
    credential,
  );
  vault.seed('kv', 'reports-url', {
    value: `${blob.url(account)}/reports?${token.toString()}`,
    expiresInMs: 60 * DAY_MS,
    tags: { ProviderAddress: `${vault.url('kv')}/secrets/storage-key?account=${account}&container=reports&sp=rl` },
  });
  return {
    name: 'reports-url',
    rotator: 'sas-token',
    follows: true,
    async login({ value }) {
      const container = new ContainerClient(value, undefined, {
        retryOptions: { maxTries: 1 },
        userAgentOptions: { userAgentPrefix: READER },
      });
      await container.listBlobsFlat().next();
    },
  };
}
