import { randomBytes } from 'node:crypto';
import type { Connection } from 'mysql2/promise';
import { mintPassword } from '../../src/rotation/mint.ts';
import type { Administrators, TargetInput } from '../../src/rotation/ports.ts';
import { mysqlRotator, type MysqlDeps } from '../../src/rotators/mysql/rotator.ts';
import { name, realStage, sandboxStage, type Plugin, type Stage } from './mysql.stage.ts';
import type { Fault, RotatorHarness } from './rotator-harness.ts';
import { withoutAlternate } from './single-account.ts';

export interface HarnessOptions extends Pick<MysqlDeps, 'disableOnRevoke' | 'accounts'> {
  /** MySQL itself, whose accounts log in so; MariaDB, or what TEST_MYSQL_URL names, when absent. */
  readonly mysql?: Plugin;
}

/**
 * The pair of accounts on the sandbox's MariaDB or MySQL, or on a real server when TEST_MYSQL_URL names it. The faults are real ones:
 * an administrator without rights, an account that is gone, a limit of connections, a server that hangs up, a statement that
 * waits for another's lock.
 */
export function mysqlHarness({ mysql, ...options }: HarnessOptions = {}): RotatorHarness {
  const single = options.accounts === 'single';
  const { TEST_MYSQL_URL: url } = process.env;
  const real = mysql === undefined && url !== undefined && url !== '';
  let stage: Stage | undefined;
  let root: Connection | undefined;
  let rotator: ReturnType<typeof mysqlRotator> | undefined;
  let made = 0;
  const run = randomBytes(3).toString('hex');
  const admin = { user: `contract_admin_${run}`, password: mintPassword() };
  const weak = { user: `contract_weak_${run}`, password: mintPassword() };
  const full = { user: `contract_full_${run}`, password: mintPassword() };
  let stand = admin;
  const on = (): Stage => started(stage);
  const sql = async (statement: string): Promise<unknown> => (await started(root).query(statement))[0];

  const administrators: Administrators = { for: () => Promise.resolve({ kind: 'password', ...stand }) };
  const insteadOfAdministrator = (other: typeof admin): (() => void) => {
    stand = other;
    return () => (stand = admin);
  };

  const faults: Record<Fault, (accounts: readonly [string, string]) => Promise<() => unknown>> = {
    denied: () => Promise.resolve(insteadOfAdministrator(weak)),
    async throttled() {
      const only = await on().login(full.user, full.password.reveal());
      const back = insteadOfAdministrator(full);
      return async () => {
        back();
        await only.end();
      };
    },
    async absent([, idle]) {
      await sql(`RENAME USER ${name(idle)} TO ${name(`gone_${run}`)}`);
      return () => sql(`RENAME USER ${name(`gone_${run}`)} TO ${name(idle)}`);
    },
    unavailable: () => on().cut(),
    async timeout() {
      const blocker = await on().connect();
      await blocker.query('FLUSH TABLES WITH READ LOCK');
      return async () => {
        // Whoever still waits has been given up by its client, and must not come true after the next attempt.
        const waiting = (await sql(
          `SELECT ID AS id FROM information_schema.PROCESSLIST WHERE INFO LIKE 'ALTER USER%' OR INFO LIKE 'CREATE USER%'`,
        )) as readonly { readonly id: number }[];
        for (const { id } of waiting) await sql(`KILL ${id}`);
        await blocker.query('UNLOCK TABLES');
        await blocker.end();
      };
    },
  };

  return {
    name: `mysql${single ? '-single' : ''}${options.disableOnRevoke === true ? ', locking on revoke' : ''}${mysql === undefined ? '' : `, MySQL with ${mysql}`}${real ? ', real server' : ''}`,
    retains: single && mysql !== undefined,
    get rotator() {
      return started(rotator);
    },
    async start() {
      stage = real ? await realStage(url) : await sandboxStage(mysql === undefined ? 'mariadb' : 'mysql', mysql);
      root = await stage.connect();
      for (const { user, password } of [admin, weak, full]) await stage.createUser(user, password.reveal());
      const see = 'PROCESS ON *.* TO';
      for (const { user } of [admin, full]) await sql(`GRANT CREATE USER, ${see} ${name(user)}`);
      await sql(`GRANT ${see} ${name(weak.user)}`);
      for (const { user } of [admin, weak, full]) await sql(`GRANT SELECT ON mysql.* TO ${name(user)}`);
      await sql(`ALTER USER ${name(full.user)} WITH MAX_USER_CONNECTIONS 1`);
      rotator = mysqlRotator({ administrators, ...options, ...(stage.ca === undefined ? {} : { ca: stage.ca }) });
    },
    async stop() {
      await root?.end();
      await stage?.stop();
    },
    async fresh() {
      made += 1;
      // Every second pair needs quoting wherever it appears.
      const user = made % 2 === 0 ? `o'b]--";\\ \`${run} ${made}` : `c_${run}_${made}`;
      const odd = made % 2 === 0 && !single ? { alternateCredentialId: `${user} 2nd` } : {};
      const value = mintPassword();
      await on().createPair(user, odd.alternateCredentialId ?? `${user}_alt`, value.reveal());
      const { host, port, database } = on();
      const input: TargetInput = { credentialId: user, ...odd, providerAddress: `mysql://${host}:${port}/${database}` };
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
    written: () => Promise.resolve(on().written()),
    badInputs: single ? withoutAlternate(BAD_INPUTS) : BAD_INPUTS,
  };
}

const GOOD: TargetInput = { credentialId: 'app', providerAddress: 'db.example.com/app' };
const ADDRESS = ['tags.ProviderAddress'];
const at = (providerAddress: string): TargetInput => ({ ...GOOD, providerAddress });

const BAD_INPUTS: RotatorHarness['badInputs'] = [
  { why: 'an empty address', input: at(''), paths: ADDRESS },
  { why: 'user and password in the address', input: at('mysql://a:canary@h/db'), paths: ADDRESS },
  { why: 'TLS turned off in the address', input: at('mysql://h/db?ssl-mode=DISABLED'), paths: ADDRESS },
  { why: 'accountHost and another parameter', input: at('mysql://h/db?accountHost=%25&ssl=0'), paths: ADDRESS },
  { why: 'an account host with a quote', input: at("h:3306/db?accountHost='"), paths: ADDRESS },
  { why: 'another scheme', input: at('postgres://h/db'), paths: ADDRESS },
  { why: 'a port out of range', input: at('h:70000/db'), paths: ADDRESS },
  {
    why: 'an ARM id of a single server',
    input: at('/subscriptions/s/resourceGroups/g/providers/Microsoft.DBforMySQL/servers/db'),
    paths: ADDRESS,
  },
  { why: 'a database name that is too long', input: at(`h/${'d'.repeat(65)}`), paths: ADDRESS },
  { why: 'a name of 81 characters', input: { ...GOOD, credentialId: 'é'.repeat(81) }, paths: ['tags.CredentialId'] },
  { why: 'a reserved name', input: { ...GOOD, credentialId: 'mysql.sys' }, paths: ['tags.CredentialId'] },
  { why: 'a blank at the end', input: { ...GOOD, credentialId: 'app ' }, paths: ['tags.CredentialId'] },
  {
    why: 'a convention that makes the name too long',
    input: { ...GOOD, credentialId: 'a'.repeat(78) },
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
