import { randomUUID } from 'node:crypto';
import dns from 'node:dns';
import { readFileSync } from 'node:fs';
import mssql from 'mssql';
import { SecretValue, type Issued, type TargetInput } from '../../src/rotation/ports.ts';
import { sqlServerRotator } from '../../src/rotators/sql-server/rotator.ts';
import { identifier, literal } from '../../src/rotators/sql-server/sql.ts';
import type { SandboxContext } from '../../sandbox/context.ts';
import { createRun, type Run } from '../../sandbox/run.ts';
import { startTds, type Tds } from '../../sandbox/tds/tds.ts';
import type { Fault, RotatorHarness } from './rotator-harness.ts';
import { startRelay, type Real, type Relay } from './sql-server.relay.ts';
import { BAD_INPUTS, mint } from './sql-server.harness.ts';

const ADMIN = 'keyturn_contract_admin';
const REQUEST_TIMEOUT_MS = 2_000;

/**
 * The contract on a real SQL Server: TEST_MSSQL_URL=`mssql://sa:password@host:1433/database`, with the file of its
 * certificate authority in TEST_MSSQL_CA when that is not a public one. It creates logins named `keyturn_contract_…` and
 * drops them at the end. Everything goes through a relay on this machine, so that the connection can be made to fail; the two faults
 * that nobody can order from a real server (busy, silent) are answered by the sandbox's endpoint in its place.
 */
export function realSqlServerHarness(address: string, caFile: string | undefined): RotatorHarness {
  const url = new URL(address);
  const sa = { user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
  const real = { host: url.hostname, address: '', port: Number(url.port || '1433'), database: url.pathname.slice(1) };
  const password = new SecretValue(mint());
  const ca: string[] = caFile === undefined ? [] : [readFileSync(caFile, 'utf8')];
  const made: string[] = [ADMIN];
  let relay: Relay | undefined;
  let sandbox: Run | undefined;
  let standIn: Tds | undefined;
  let pool: mssql.ConnectionPool | undefined;
  const run = async (sql: string): Promise<void> => {
    await pool?.request().batch(sql);
  };
  const started = () => {
    if (relay === undefined || sandbox === undefined || standIn === undefined) throw new Error('not started');
    return { relay, context: sandbox.ctx, standIn };
  };
  return {
    name: `sql-server at ${real.host}`,
    rotator: sqlServerRotator({
      administrators: { for: async () => ({ kind: 'password', user: ADMIN, password }) },
      ca,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      disableOnRevoke: true,
    }),
    async start() {
      real.address = (await dns.promises.lookup(real.host)).address;
      pool = await new mssql.ConnectionPool({ ...poolConfig(real, ca), ...sa }).connect();
      await run(`CREATE LOGIN ${ADMIN} WITH PASSWORD = ${literal(password.reveal())}`);
      await run(
        `USE [master]; GRANT ALTER ANY LOGIN TO ${ADMIN}; GRANT VIEW ANY DEFINITION TO ${ADMIN}; GRANT VIEW SERVER STATE TO ${ADMIN}; GRANT ALTER ANY CONNECTION TO ${ADMIN}; USE ${identifier(real.database)}`,
      );
      await run(`CREATE USER ${ADMIN} FOR LOGIN ${ADMIN}`);
      sandbox = await createRun();
      ca.push(sandbox.ctx.pki.caPem);
      standIn = await startTds(sandbox.ctx, { names: [real.host], databases: [real.database] });
      standIn.addLogin(ADMIN, password.reveal());
      standIn.run(`ALTER SERVER ROLE sysadmin ADD MEMBER ${ADMIN}`);
      relay = await startRelay(real);
    },
    async stop() {
      for (const name of made) {
        await dropped(run(`DROP USER ${identifier(name)}`));
        await dropped(run(`DROP LOGIN ${identifier(name)}`));
      }
      await pool?.close();
      await relay?.stop();
      await standIn?.stop();
      sandbox?.dispose();
    },
    async fresh() {
      const id = randomUUID().slice(0, 8);
      const [first, second] = [`keyturn_contract_o'brien]--"; DROP ${id}`, `keyturn_contract_${id}'']b`];
      const value = new SecretValue(mint());
      made.push(first, second);
      for (const [name, text] of [
        [first, value.reveal()],
        [second, mint()],
      ] as const) {
        await run(`CREATE LOGIN ${identifier(name)} WITH PASSWORD = ${literal(text)}`);
        await run(`CREATE USER ${identifier(name)} FOR LOGIN ${identifier(name)}`);
        await run(`ALTER ROLE db_datareader ADD MEMBER ${identifier(name)}`);
        started().standIn.addLogin(name, text, { roles: ['db_datareader'] });
      }
      const providerAddress = `sqlserver://${real.host}:${started().relay.port}/${real.database}`;
      const current: Issued = { credentialId: first, slot: first, value };
      return { input: { credentialId: first, alternateCredentialId: second, providerAddress }, current };
    },
    async authenticates(_input, issued) {
      const account = { user: issued.credentialId, password: issued.value.reveal() };
      try {
        await (await new mssql.ConnectionPool({ ...poolConfig(real, ca), ...account }).connect()).close();
        return true;
      } catch (error) {
        if (error instanceof mssql.ConnectionError && error.code === 'ELOGIN') return false;
        throw error;
      }
    },
    mint: () => new SecretValue(mint()),
    fault: (kind, input) => breakReal(kind, input, run, started(), real.database),
    faultCodes: {
      denied: { code: 'ACCESS_DENIED', effect: 'none' },
      absent: { code: 'TARGET_NOT_FOUND', effect: 'none' },
      throttled: { code: 'THROTTLED', effect: 'none' },
      unavailable: { code: 'UNAVAILABLE', effect: 'none' },
      timeout: { code: 'TIMED_OUT', effect: 'unknown' },
    },
    // A real server's error log is not ours to read; the stand-in's is.
    written: async () => standIn?.log.join('\n') ?? '',
    badInputs: BAD_INPUTS,
  };
}

/** 15151: it is gone already. */
async function dropped(statement: Promise<void>): Promise<void> {
  try {
    await statement;
  } catch (error) {
    if (!(error instanceof mssql.RequestError) || error.number !== 15151) throw error;
  }
}

async function breakReal(
  kind: Fault,
  input: TargetInput,
  run: (sql: string) => Promise<void>,
  { relay, context, standIn }: { relay: Relay; context: Pick<SandboxContext, 'faults'>; standIn: Tds },
  database: string,
): Promise<() => Promise<void>> {
  const idle = identifier(input.alternateCredentialId ?? '');
  const inMaster = (sql: string) => run(`USE [master]; ${sql}; USE ${identifier(database)}`);
  const divert = (match: string, action: { status?: number; delayMs?: number }) => {
    const id = context.faults.add({ system: 'tds', match, action });
    relay.to = standIn;
    return async () => {
      context.faults.remove(id);
      relay.to = relay.real;
    };
  };
  switch (kind) {
    case 'denied':
      await inMaster(`REVOKE ALTER ANY LOGIN FROM ${ADMIN}`);
      return () => inMaster(`GRANT ALTER ANY LOGIN TO ${ADMIN}`);
    case 'absent':
      await run(`DROP USER ${idle}`);
      await run(`DROP LOGIN ${idle}`);
      return async () => undefined;
    case 'throttled':
      return divert('^LOGIN ', { status: 10928 });
    case 'timeout':
      return divert('^ALTER ', { delayMs: REQUEST_TIMEOUT_MS * 100 });
    case 'unavailable':
      relay.to = undefined;
      return async () => {
        relay.to = relay.real;
      };
  }
}

/** By address, because the host's name leads to the relay; the certificate is checked against the name all the same. */
function poolConfig(real: Real, ca: readonly string[]): mssql.config {
  const trust = ca.length === 0 ? {} : { cryptoCredentialsDetails: { ca: [...ca] } };
  return {
    server: real.address,
    port: real.port,
    database: real.database,
    pool: { max: 1, min: 0 },
    options: { encrypt: true, serverName: real.host, ...trust },
  };
}
