import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import sql from 'mssql';
import pg from 'pg';
import type { Sandbox } from '../sandbox.ts';
import type { TrafficEntry } from '../traffic.ts';

/** A credential as a reader gets it out of the vault; of a key, the id of the version and what it has wrapped. */
export interface Held {
  readonly credentialId: string;
  readonly value: string;
}

/** One managed secret or key of the demo, and how its readers log in. */
export interface DemoObject {
  readonly name: string;
  readonly rotator: string;
  /** Logs in for real, as an application would. @throws when refused */
  login(held: Held): Promise<void>;
  /** One account whose password is replaced in place: who keeps a value is locked out, and there is a gap. */
  readonly inPlace?: true;
  /** Nothing can make the system refuse the old credential. */
  readonly notRevoked?: true;
  /** Is computed from another one, and follows it with the next sweep. */
  readonly follows?: true;
  /** It is a key of the vault, and these resources encrypt with it. */
  readonly key?: { readonly users: number; readonly areOnNewest: () => boolean };
  /** What a reader gets out of the vault, where that is not the value of a secret. */
  readonly read?: () => Promise<Held>;
  /** Does this call to the system belong to it? Absent where several of the objects share the system. */
  readonly owns?: (entry: TrafficEntry) => boolean;
}

/** Readers call themselves so, in every protocol that has a field for it. */
export const READER = 'demo-reader';

export const EXPIRES_IN_MS = 20 * 24 * 3600_000;

/** Three secrets near their expiry, and what they open. */
export async function seedObjects(sandbox: Sandbox): Promise<readonly DemoObject[]> {
  return [await seedPostgres(sandbox), seedSqlServer(sandbox), seedStorage(sandbox)];
}

async function seedPostgres({ postgres, vault }: Sandbox): Promise<DemoObject> {
  const pair = await postgres.createPair({ name: 'orders_a', alternate: 'orders_b' });
  const { host, port, database } = postgres;
  vault.seed('kv', 'orders-db', {
    value: `postgresql://${pair.user}:${pair.password}@${host}:${port}/${database}?sslmode=verify-full`,
    expiresInMs: EXPIRES_IN_MS,
    tags: { CredentialId: pair.user, AlternateCredentialId: pair.alternate, ProviderAddress: postgres.address },
  });
  return {
    name: 'orders-db',
    rotator: 'postgres',
    owns: ({ system }) => system === 'postgres',
    login: ({ value }) => logInToPostgres(value),
  };
}

/** @param value a URL with everything in it */
export async function logInToPostgres(value: string): Promise<void> {
  const { hostname, port, pathname, username, password } = new URL(value);
  const client = new pg.Client({
    ...{ host: hostname, port: Number(port), database: pathname.slice(1) },
    ...{ user: decodeURIComponent(username), password: decodeURIComponent(password) },
    application_name: READER,
    ssl: { rejectUnauthorized: true },
  });
  client.on('error', () => undefined);
  await client.connect();
  await client.end();
}

function seedSqlServer({ tds, vault }: Sandbox): DemoObject {
  const password = `Demo-${Math.random().toString(36).slice(2)}-1A`;
  for (const login of ['billing_a', 'billing_b']) tds.addLogin(login, password);
  const server = `${tds.name},${tds.port}`;
  vault.seed('kv', 'billing-db', {
    value: `Server=tcp:${server};Database=appdb;User ID=billing_a;Password=${password};Encrypt=True;`,
    expiresInMs: EXPIRES_IN_MS,
    tags: {
      CredentialId: 'billing_a',
      AlternateCredentialId: 'billing_b',
      ProviderAddress: `${tds.name}:${tds.port}/appdb`,
      Rotator: 'sql-server',
    },
  });
  return {
    name: 'billing-db',
    rotator: 'sql-server',
    owns: ({ system }) => system === 'tds',
    login: ({ value }) => logInToSqlServer(value),
  };
}

/** @param value an ADO.NET connection string */
export async function logInToSqlServer(value: string): Promise<void> {
  const field = (name: string): string => new RegExp(`${name}=([^;]*)`).exec(value)?.[1] ?? '';
  const [server = '', port = ''] = field('Server').replace('tcp:', '').split(',');
  const pool = new sql.ConnectionPool({
    ...{ server, port: Number(port), database: field('Database') },
    ...{ user: field('User ID'), password: field('Password') },
    options: { encrypt: true, trustServerCertificate: false, appName: READER },
    pool: { min: 0, max: 1 },
  });
  await pool.connect();
  await pool.close();
}

function seedStorage({ arm, blob, vault }: Sandbox): DemoObject {
  const name = 'demodata';
  const account = arm.createAccount(name);
  vault.seed('kv', 'storage-key', {
    value: account.keys.key1,
    expiresInMs: EXPIRES_IN_MS,
    // Microsoft's own sample tags, as they are.
    tags: { CredentialId: 'key1', ProviderAddress: account.id, ValidityPeriodDays: '60' },
  });
  return {
    name: 'storage-key',
    rotator: 'storage-account',
    // Requests for a container are those of the SAS token that follows it.
    owns: ({ system, operation }) =>
      (system === 'blob' && operation.includes('restype=service')) ||
      (system === 'arm' && operation.includes(`/storageAccounts/${name}`)),
    async login({ value }) {
      const credential = new StorageSharedKeyCredential(name, value);
      const service = new BlobServiceClient(blob.url(name), credential, {
        retryOptions: { maxTries: 1 },
        userAgentOptions: { userAgentPrefix: READER },
      });
      await service.getProperties();
    },
  };
}
