/** Managed secrets in the sandbox's first vault, and what they open: as many as wanted. */
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import mssql from 'mssql';
import pg from 'pg';
import type { Sandbox } from '../../sandbox/sandbox.ts';

export const DAY = 24 * 3600_000;
/** The overlap that a secret without the tag OverlapHours has. */
export const OVERLAP_MS = DAY;

/** Readers call themselves so in every protocol that has a field for it. */
const READER = 'test-reader';

export interface ManagedObject {
  readonly name: string;
  readonly rotator: 'postgres' | 'sql-server' | 'storage-account';
  readonly slots: readonly [string, string];
  /** The credential inside a value of the vault. */
  secretOf(value: string): string;
  /** Does the system take this credential? */
  accepts(slot: string, secret: string): Promise<boolean>;
  /** Logs in as an application does, with the value as the vault gives it. @throws when refused */
  login(value: string): Promise<void>;
}

export interface SeedOptions {
  /** From now; 31 days when absent, so that Key Vault's warning comes a day from now. */
  readonly expiresInMs?: number;
  /** Added to the tags that name the pair. */
  readonly tags?: Readonly<Record<string, string>>;
  /** The value in the vault holds this password instead of the one that works. */
  readonly stored?: string;
  /** The value in the vault; the rotator's usual connection string when absent. */
  readonly value?: (slot: string, password: string) => string;
}

const withDefaults = ({ expiresInMs = 31 * DAY, tags = {}, stored, value }: SeedOptions) => ({
  ...{ expiresInMs, tags, stored, value },
});

/** @param host the name under which the server is reached */
export async function seedPostgres(
  { postgres, vault }: Sandbox,
  name: string,
  options: SeedOptions & { readonly host?: string } = {},
): Promise<ManagedObject> {
  const { expiresInMs, tags, stored, value: written } = withDefaults(options);
  const account = name.replaceAll('-', '_');
  const slots = [`${account}_a`, `${account}_b`] as const;
  const pair = await postgres.createPair({ name: slots[0], alternate: slots[1] });
  const { port, database } = postgres;
  const host = options.host ?? postgres.host;
  const usual = (slot: string, password: string): string =>
    `postgresql://${slot}:${encodeURIComponent(password)}@${host}:${port}/${database}?sslmode=verify-full`;
  vault.seed('kv', name, {
    value: (written ?? usual)(slots[0], stored ?? pair.password),
    expiresInMs,
    tags: {
      CredentialId: slots[0],
      AlternateCredentialId: slots[1],
      ProviderAddress: `${host}:${port}/${database}`,
      Rotator: 'postgres',
      ...tags,
    },
  });
  return {
    name,
    rotator: 'postgres',
    slots,
    secretOf: (value) => decodeURIComponent(new URL(value).password),
    accepts: (slot, secret) => postgres.authenticates(slot, secret),
    login: async (value) => {
      const { username, password } = new URL(value);
      const client = new pg.Client({
        ...{ host, port, database, user: decodeURIComponent(username), password: decodeURIComponent(password) },
        application_name: READER,
        ssl: { rejectUnauthorized: true },
      });
      client.on('error', () => undefined);
      await client.connect();
      await client.end();
    },
  };
}

/** @param host the name under which the server is reached @param contained users of the database instead of logins */
export function seedSqlServer(
  { tds, vault }: Pick<Sandbox, 'tds' | 'vault'>,
  name: string,
  options: SeedOptions & { readonly host?: string; readonly contained?: boolean } = {},
): ManagedObject {
  const { expiresInMs, tags, stored, value: written } = withDefaults(options);
  const account = name.replaceAll('-', '_');
  const slots = [`${account}_a`, `${account}_b`] as const;
  const password = `Start-${crypto.randomUUID()}-1A`;
  for (const slot of slots) {
    if (options.contained === true) tds.addContainedUser('appdb', slot, password);
    else tds.addLogin(slot, password);
  }
  const host = options.host ?? tds.name;
  const field = (value: string, key: string): string => new RegExp(`${key}=([^;]*)`).exec(value)?.[1] ?? '';
  const usual = (slot: string, own: string): string =>
    `Server=tcp:${host},${tds.port};Database=appdb;User ID=${slot};Password=${own};Encrypt=True;`;
  vault.seed('kv', name, {
    value: (written ?? usual)(slots[0], stored ?? password),
    expiresInMs,
    tags: {
      CredentialId: slots[0],
      AlternateCredentialId: slots[1],
      ProviderAddress: `${host}:${tds.port}/appdb${options.contained === true ? '?contained=true' : ''}`,
      Rotator: 'sql-server',
      ...tags,
    },
  });
  return {
    name,
    rotator: 'sql-server',
    slots,
    secretOf: (value) => field(value, 'Password'),
    accepts: async (slot, secret) => tds.authenticates(slot, secret, 'appdb'),
    login: async (value) => {
      const pool = new mssql.ConnectionPool({
        ...{ server: host, port: tds.port, database: 'appdb' },
        ...{ user: field(value, 'User ID'), password: field(value, 'Password') },
        options: { encrypt: true, trustServerCertificate: false, appName: READER },
        pool: { min: 0, max: 1 },
      });
      await pool.connect();
      await pool.close();
    },
  };
}

export function seedStorage({ arm, blob, vault }: Sandbox, name: string, options: SeedOptions = {}): ManagedObject {
  const { expiresInMs, tags, stored } = withDefaults(options);
  const account = name.replaceAll('-', '');
  const { id, keys } = arm.createAccount(account);
  vault.seed('kv', name, {
    value: stored ?? keys.key1,
    expiresInMs,
    // Microsoft's own sample tags, as they are.
    tags: { CredentialId: 'key1', ProviderAddress: id, ValidityPeriodDays: '60', ...tags },
  });
  return {
    name,
    rotator: 'storage-account',
    slots: ['key1', 'key2'],
    secretOf: (value) => value,
    accepts: async (slot, secret) =>
      Object.entries(arm.keys(account)).some(([key, value]) => key === slot && value === secret),
    login: async (value) => {
      const service = new BlobServiceClient(blob.url(account), new StorageSharedKeyCredential(account, value), {
        retryOptions: { maxTries: 1 },
        userAgentOptions: { userAgentPrefix: READER },
      });
      await service.getProperties();
    },
  };
}

/** The values of the vault, oldest first. */
export function valuesOf({ vault }: Sandbox, { name }: ManagedObject): readonly string[] {
  return vault.peek('kv', name).map(({ value }) => value);
}
