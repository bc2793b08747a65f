import mssql from 'mssql';
import { SecretValue, type Call, type TargetInput } from '../../src/rotation/ports.ts';
import { sqlServerRotator, type SqlServerDeps } from '../../src/rotators/sql-server/rotator.ts';
import type { SandboxContext } from '../../sandbox/context.ts';
import { installSandboxDns } from '../../sandbox/dns.ts';
import { createRun } from '../../sandbox/run.ts';
import { startTds, type Tds } from '../../sandbox/tds/tds.ts';
import { mint } from '../contract/sql-server.harness.ts';

export const call: Call = { signal: new AbortController().signal, now: () => new Date() };

export type TdsFixture = Awaited<ReturnType<typeof startFixture>>;

/** A SQL Server and an Azure SQL Database with the databases `appdb` and `other`. */
export async function startFixture() {
  const restoreDns = installSandboxDns();
  const run = await createRun();
  const { ctx } = run;
  const verifyToken = (token: string, audience: string) =>
    token === 'good-token' && audience === 'https://database.windows.net'
      ? { oid: 'the-identity', appid: 'the-app' }
      : undefined;
  const entraAdmin = { name: 'keyturn-identity', id: 'the-identity' };
  const box = await startTds(ctx, { databases: ['appdb', 'other'] });
  const azure = await startTds(ctx, { edition: 'azure', verifyToken, entraAdmin });
  return {
    ctx,
    box,
    azure,
    async stop() {
      await box.stop();
      await azure.stop();
      run.dispose();
      restoreDns();
    },
  };
}

export function poolOf(ctx: SandboxContext, tds: Tds, config: Partial<mssql.config>): mssql.ConnectionPool {
  return new mssql.ConnectionPool({
    server: tds.name,
    port: tds.port,
    database: 'appdb',
    validateConnection: false,
    pool: { max: 1, min: 0 },
    ...config,
    options: { encrypt: true, cryptoCredentialsDetails: { ca: ctx.pki.caPem }, ...config.options },
  });
}

export async function connected<T>(
  ctx: SandboxContext,
  tds: Tds,
  config: Partial<mssql.config>,
  work: (pool: mssql.ConnectionPool) => Promise<T>,
) {
  const pool = await poolOf(ctx, tds, { ...tds.admin, ...config }).connect();
  try {
    return await work(pool);
  } finally {
    await pool.close();
  }
}

export function rotatorOf(ctx: SandboxContext, tds: Tds, more: Partial<SqlServerDeps> = {}) {
  return sqlServerRotator({
    administrators: {
      for: async () =>
        tds.edition === 'azure'
          ? { kind: 'token', user: 'keyturn-identity', token: new SecretValue('good-token') }
          : { kind: 'password', user: tds.admin.user, password: new SecretValue(tds.admin.password) },
    },
    ca: [ctx.pki.caPem],
    sqlSuffix: tds.edition === 'azure' ? '.database.sandbox.test' : '.database.windows.net',
    ...more,
  });
}

let pairs = 0;

/** Two logins of the same grants, and the tags that name them. */
export function pairOn(
  tds: Tds,
  roles: readonly string[] = ['db_datareader'],
): TargetInput & { readonly value: SecretValue } {
  pairs += 1;
  const value = new SecretValue(mint());
  const [credentialId, alternateCredentialId] = [`app${pairs}_a`, `app${pairs}_b`];
  tds.addLogin(credentialId, value.reveal(), { roles });
  tds.addLogin(alternateCredentialId, mint(), { roles });
  return { credentialId, alternateCredentialId, providerAddress: `sqlserver://${tds.name}:${tds.port}/appdb`, value };
}

export function pendingFor({ credentialId, value }: { credentialId: string; value: SecretValue }, slot: string) {
  const current = { credentialId, slot: credentialId, value };
  return { rotationId: crypto.randomUUID(), slot, value: new SecretValue(mint()), current };
}

export async function trafficOf(ctx: SandboxContext, work: () => Promise<unknown>): Promise<string[]> {
  ctx.traffic.clear();
  await work();
  return ctx.traffic.entries.map(({ operation, outcome }) => `${operation} ${outcome}`);
}
