import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { mintPassword } from '../../src/rotation/mint.ts';
import { SecretValue, type Administrators, type TargetInput } from '../../src/rotation/ports.ts';
import { postgresRotator, type PostgresDeps } from '../../src/rotators/postgres/rotator.ts';
import { realStage, sandboxStage, type Stage } from './postgres.stage.ts';
import type { Fault, RotatorHarness } from './rotator-harness.ts';
import { withoutAlternate } from './single-account.ts';

const name = (role: string): string => pg.escapeIdentifier(role);

/**
 * The pair of accounts on a PostgreSQL: the sandbox's, or a real one when TEST_POSTGRES_URL names it. The faults are
 * real ones: an administrator without rights, a role that is gone, a connection limit, a server that hangs up, a
 * statement that waits for another's lock.
 */
export function postgresHarness(options: Pick<PostgresDeps, 'disableOnRevoke' | 'accounts'> = {}): RotatorHarness {
  const single = options.accounts === 'single';
  const url = process.env['TEST_POSTGRES_URL'];
  let stage: Stage | undefined;
  let superuser: pg.Client | undefined;
  let rotator: ReturnType<typeof postgresRotator> | undefined;
  let stand: string | undefined;
  let made = 0;
  const run = randomBytes(3).toString('hex');
  const weak = { user: `contract_weak_${run}`, password: mintPassword() };
  const full = { user: `contract_full_${run}`, password: mintPassword() };
  const on = (): Stage => started(stage);
  const sql = (statement: string): Promise<unknown> => started(superuser).query(statement);

  const administrators: Administrators = {
    for: () => {
      const other = [weak, full].find(({ user }) => user === stand);
      const admin = other ?? { user: on().admin.user, password: new SecretValue(on().admin.password) };
      return Promise.resolve({ kind: 'password', ...admin });
    },
  };
  const insteadOfAdministrator = (user: string): (() => void) => {
    stand = user;
    return () => (stand = undefined);
  };

  const faults: Record<Fault, (accounts: readonly [string, string]) => Promise<() => unknown>> = {
    denied: () => Promise.resolve(insteadOfAdministrator(weak.user)),
    async throttled([current]) {
      await sql(`ALTER ROLE ${name(current)} CONNECTION LIMIT 0`);
      const back = insteadOfAdministrator(full.user);
      return () => {
        back();
        return sql(`ALTER ROLE ${name(current)} CONNECTION LIMIT -1`);
      };
    },
    async absent([, idle]) {
      await sql(`ALTER ROLE ${name(idle)} RENAME TO ${name(`gone_${run}`)}`);
      return () => sql(`ALTER ROLE ${name(`gone_${run}`)} RENAME TO ${name(idle)}`);
    },
    unavailable: () => on().cut(),
    async timeout([, idle]) {
      const blocker = await on().connect();
      await blocker.query('BEGIN');
      await blocker.query(`ALTER ROLE ${name(idle)} CONNECTION LIMIT -1`);
      return async () => {
        // Whoever still waits has been given up by its client, and must not come true after the next attempt.
        const waiting = `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))`;
        await blocker.query(waiting);
        await blocker.query('ROLLBACK');
        await blocker.end();
      };
    },
  };

  return {
    name: `postgres${single ? '-single' : ''}${options.disableOnRevoke === true ? ', disabling on revoke' : ''}${url === undefined ? '' : ', real server'}`,
    get rotator() {
      return started(rotator);
    },
    async start() {
      stage = url === undefined ? await sandboxStage() : await realStage(url);
      superuser = await stage.connect();
      for (const [{ user, password }, limit] of [
        [weak, -1],
        [full, 0],
      ] as const) {
        await sql(`SET log_statement = 'none'`).catch(() => undefined);
        await sql(`CREATE ROLE ${name(user)} LOGIN CONNECTION LIMIT ${limit} PASSWORD '${password.reveal()}'`);
        await sql(`RESET log_statement`).catch(() => undefined);
      }
      rotator = postgresRotator({ administrators, ...options, ...(stage.ca === undefined ? {} : { ca: stage.ca }) });
    },
    async stop() {
      for (const { user } of [weak, full]) await superuser?.query(`DROP ROLE IF EXISTS ${name(user)}`);
      await superuser?.end();
      await stage?.stop();
    },
    async fresh() {
      made += 1;
      // Every second pair needs quoting wherever it appears.
      const user = made % 2 === 0 ? `o'brien]--"; DROP \\ ${run} ${made}` : `contract_${run}_${made}`;
      const odd = made % 2 === 0 && !single ? { alternateCredentialId: `${user}; 2nd` } : {};
      const value = mintPassword();
      await on().createPair(user, odd.alternateCredentialId ?? `${user}_alt`, value.reveal());
      const { host, port, database } = on();
      const input: TargetInput = {
        credentialId: user,
        ...odd,
        providerAddress: `postgres://${host}:${port}/${database}`,
      };
      return { input, current: { credentialId: user, slot: user, value } };
    },
    authenticates: (_input, issued) => on().authenticates(issued.slot, issued.value.reveal()),
    mint: () => mintPassword(),
    async fault(kind, input) {
      const current = input.credentialId;
      const mend = await faults[kind]([current, single ? current : (input.alternateCredentialId ?? `${current}_alt`)]);
      return async () => {
        await mend();
      };
    },
    faultCodes: {
      denied: { code: 'ACCESS_DENIED', effect: 'none' },
      absent: { code: 'TARGET_NOT_FOUND', effect: 'none' },
      throttled: { code: 'THROTTLED', effect: 'none' },
      unavailable: { code: 'UNAVAILABLE', effect: 'none' },
      timeout: { code: 'TIMED_OUT', effect: 'unknown' },
    },
    written: () => on().written(),
    badInputs: single ? withoutAlternate(BAD_INPUTS) : BAD_INPUTS,
  };
}

const GOOD: TargetInput = { credentialId: 'app', providerAddress: 'db.example.com/app' };
const ADDRESS = ['tags.ProviderAddress'];

const BAD_INPUTS: RotatorHarness['badInputs'] = [
  { why: 'an empty address', input: { ...GOOD, providerAddress: '' }, paths: ADDRESS },
  {
    why: 'user and password in the address',
    input: { ...GOOD, providerAddress: 'postgres://a:canary@h/db' },
    paths: ADDRESS,
  },
  {
    why: 'a sslmode in the address',
    input: { ...GOOD, providerAddress: 'postgres://h/db?sslmode=disable' },
    paths: ADDRESS,
  },
  { why: 'another scheme', input: { ...GOOD, providerAddress: 'mysql://h/db' }, paths: ADDRESS },
  { why: 'a port out of range', input: { ...GOOD, providerAddress: 'h:70000/db' }, paths: ADDRESS },
  {
    why: 'an ARM id of a single server',
    input: {
      ...GOOD,
      providerAddress: '/subscriptions/s/resourceGroups/g/providers/Microsoft.DBforPostgreSQL/servers/pg',
    },
    paths: ADDRESS,
  },
  {
    why: 'a name longer than 63 bytes',
    input: { ...GOOD, credentialId: 'é'.repeat(32) },
    paths: ['tags.CredentialId'],
  },
  { why: 'a reserved name', input: { ...GOOD, credentialId: 'pg_monitor' }, paths: ['tags.CredentialId'] },
  {
    why: 'a convention that makes the name too long',
    input: { ...GOOD, credentialId: 'a'.repeat(61) },
    paths: ['tags.AlternateCredentialId'],
  },
  {
    why: 'the same account twice',
    input: { ...GOOD, alternateCredentialId: 'app' },
    paths: ['tags.AlternateCredentialId'],
  },
  {
    why: 'everything wrong at once',
    input: { credentialId: '', alternateCredentialId: 'a\nb', providerAddress: 'not a host' },
    paths: ['tags.CredentialId', 'tags.AlternateCredentialId', 'tags.ProviderAddress'],
  },
];

function started<T>(thing: T | undefined): T {
  if (thing === undefined) throw new Error('the harness has not been started');
  return thing;
}
