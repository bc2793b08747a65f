import { randomBytes, randomUUID } from 'node:crypto';
import { SecretValue, type Issued, type TargetInput } from '../../src/rotation/ports.ts';
import { sqlServerRotator } from '../../src/rotators/sql-server/rotator.ts';
import type { SandboxContext } from '../../sandbox/context.ts';
import { installSandboxDns } from '../../sandbox/dns.ts';
import { createRun, type Run } from '../../sandbox/run.ts';
import { startTds, TDS_NAME, type Tds } from '../../sandbox/tds/tds.ts';
import type { Fault, RotatorHarness } from './rotator-harness.ts';
import { withoutAlternate } from './single-account.ts';

const REQUEST_TIMEOUT_MS = 2_000;
const LIMITED = 'keyturn_admin';

export interface SqlServerKind {
  readonly edition: 'box' | 'azure';
  readonly contained: boolean;
  readonly single?: boolean;
}

/**
 * The sandbox's TDS endpoint as the contract suite wants it: the administrator is not sysadmin but holds exactly what
 * the rotator's README asks for, so that a permission missing there shows here.
 */
export function sqlServerHarness({
  edition,
  contained,
  single = false,
}: SqlServerKind): RotatorHarness & { readonly tds: () => Tds } {
  const adminPassword = new SecretValue(mint());
  const authorities: string[] = [];
  let run: Run | undefined;
  let server: Tds | undefined;
  let restoreDns: (() => void) | undefined;
  const tds = (): Tds => {
    if (server === undefined) throw new Error('the TDS endpoint is not started');
    return server;
  };
  const rotator = sqlServerRotator({
    administrators: { for: async () => ({ kind: 'password', user: LIMITED, password: adminPassword }) },
    ca: authorities,
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
    sqlSuffix: edition === 'azure' ? '.database.sandbox.test' : '.database.windows.net',
    disableOnRevoke: !contained,
    ...(single ? { accounts: 'single' } : {}),
  });
  return {
    name: `sql-server${single ? '-single' : ''} ${edition}${contained ? ' contained' : ''}`,
    rotator,
    tds,
    async start() {
      restoreDns = installSandboxDns();
      run = await createRun();
      authorities.push(run.ctx.pki.caPem);
      server = await startTds(run.ctx, { edition });
      permitAdministrator(server, adminPassword);
    },
    async stop() {
      await server?.stop();
      run?.dispose();
      restoreDns?.();
    },
    fresh: async () => {
      const { input, current } = fresh(tds(), contained);
      const { alternateCredentialId: _, ...alone } = input;
      return { input: single ? alone : input, current };
    },
    authenticates: async (input, issued) =>
      tds().authenticates(issued.credentialId, issued.value.reveal(), databaseOf(input)),
    mint: () => new SecretValue(mint()),
    fault: async (kind, input) => {
      if (run === undefined) throw new Error('not started');
      return breakIt(kind, input, tds(), run.ctx, contained);
    },
    faultCodes: {
      denied: { code: 'ACCESS_DENIED', effect: 'none' },
      absent: { code: 'TARGET_NOT_FOUND', effect: 'none' },
      throttled: { code: 'THROTTLED', effect: 'none' },
      unavailable: { code: 'UNAVAILABLE', effect: 'none' },
      timeout: { code: 'TIMED_OUT', effect: 'unknown' },
    },
    written: async () => `${tds().log.join('\n')}\n${JSON.stringify(run?.ctx.traffic.entries)}`,
    badInputs: single ? withoutAlternate(BAD_INPUTS) : BAD_INPUTS,
  };
}

/** Exactly the grants of src/rotators/sql-server/README.md. */
function permitAdministrator(server: Tds, password: SecretValue): void {
  server.addLogin(LIMITED, password.reveal());
  server.run(`GRANT ALTER ANY LOGIN TO ${LIMITED}; GRANT ALTER ANY CONNECTION TO ${LIMITED}`);
  server.run(`GRANT VIEW ANY DEFINITION TO ${LIMITED}; GRANT VIEW SERVER STATE TO ${LIMITED}`);
  server.run(
    `GRANT ALTER ANY USER TO ${LIMITED}; GRANT VIEW DEFINITION TO ${LIMITED}; GRANT VIEW DATABASE STATE TO ${LIMITED}; GRANT KILL DATABASE CONNECTION TO ${LIMITED}`,
    'appdb',
  );
  server.run('CREATE SCHEMA sales; CREATE TABLE sales.orders (id int)', 'appdb');
}

function fresh(server: Tds, contained: boolean): { input: TargetInput; current: Issued } {
  // Every name has to be quoted by the server's rules.
  const id = randomUUID().slice(0, 8);
  const [first, second] = [`o'brien]--"; DROP ${id}`, `app] ${id}''_b`];
  const value = new SecretValue(mint());
  for (const [name, password] of [
    [first, value.reveal()],
    [second, mint()],
  ] as const) {
    if (contained) server.addContainedUser('appdb', name, password, { roles: ['db_datareader'] });
    else server.addLogin(name, password, { roles: ['db_datareader'] });
    server.run(`GRANT SELECT ON sales.orders TO [${name.replaceAll(']', ']]')}]`, 'appdb');
  }
  const providerAddress = `${TDS_NAME},${server.port}/appdb${contained ? '?contained=true' : ''}`;
  return {
    input: { credentialId: first, alternateCredentialId: second, providerAddress },
    current: { credentialId: first, slot: first, value },
  };
}

async function breakIt(
  kind: Fault,
  input: TargetInput,
  server: Tds,
  { faults }: SandboxContext,
  contained: boolean,
): Promise<() => Promise<void>> {
  const idle = `[${(input.alternateCredentialId ?? input.credentialId).replaceAll(']', ']]')}]`;
  const armed = (id: string) => async () => faults.remove(id);
  switch (kind) {
    case 'denied': {
      const [permission, place] = contained ? ['ALTER ANY USER', 'appdb'] : ['ALTER ANY LOGIN', 'master'];
      server.run(`REVOKE ${permission} TO ${LIMITED}`, place);
      return async () => server.run(`GRANT ${permission} TO ${LIMITED}`, place);
    }
    case 'absent':
      server.run(`DROP USER ${idle}`, 'appdb');
      if (!contained) server.run(`DROP LOGIN ${idle}`);
      return async () => undefined;
    case 'throttled':
      return armed(faults.add({ system: 'tds', match: '^LOGIN ', action: { status: 10928 } }));
    case 'unavailable':
      await server.pause();
      return () => server.listen();
    case 'timeout':
      // Longer than the driver's time-out, which then cancels the statement.
      return armed(faults.add({ system: 'tds', match: '^ALTER ', action: { delayMs: REQUEST_TIMEOUT_MS * 100 } }));
  }
}

function databaseOf({ providerAddress }: TargetInput): string {
  return providerAddress.split('/').at(-1)?.split('?')[0] ?? '';
}

/** With a quote and a bracket, because they must arrive as they are. */
export function mint(): string {
  return `Aa1']${randomBytes(18).toString('base64url')}`;
}

export const BAD_INPUTS: RotatorHarness['badInputs'] = [
  {
    why: 'no database',
    input: { credentialId: 'app', providerAddress: 'sql.example.com' },
    paths: ['tags.ProviderAddress'],
  },
  {
    why: 'everything at once',
    input: { credentialId: '', alternateCredentialId: 'x'.repeat(129), providerAddress: 'http://a b/c' },
    paths: ['tags.CredentialId', 'tags.AlternateCredentialId', 'tags.ProviderAddress'],
  },
  {
    why: 'one account twice, in another case',
    input: { credentialId: 'App', alternateCredentialId: 'aPP', providerAddress: 'sql.example.com,1433/db' },
    paths: ['tags.AlternateCredentialId'],
  },
  {
    why: 'a managed instance by its id, which does not tell the host',
    input: {
      credentialId: 'app',
      providerAddress: '/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/managedInstances/mi',
    },
    paths: ['tags.ProviderAddress'],
  },
  {
    why: 'a Windows account and a port out of range',
    input: { credentialId: 'CORP\\app', alternateCredentialId: 'b', providerAddress: 'sqlserver://h:70000/db' },
    paths: ['tags.CredentialId', 'tags.ProviderAddress'],
  },
];
