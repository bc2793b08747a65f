import { randomBytes } from 'node:crypto';
import { RotationError } from '../../rotation/errors.ts';
import { SecretValue } from '../../rotation/ports.ts';
import { refuseInUse, rejected, throwFirst } from '../accounts/refusals.ts';
import type { Administrators, Call, LiveCredential, Rotator, Slot, Target } from '../../rotation/ports.ts';
import { bootstrap } from './bootstrap.ts';
import { session, type Login, type Query, type Row } from './client.ts';
import { claims, parseTarget, type PostgresConfig } from './config.ts';
import { blockersOf, readPair } from './grants.ts';
import { scramVerifier } from './scram.ts';
import { ACCOUNTS_AND_SESSIONS, alterPassword, END_SESSIONS, identifier, takeOutOfUse } from './sql.ts';

/** https://learn.microsoft.com/azure/postgresql/flexible-server/security-entra-configure (facts D2) */
export const POSTGRES_SCOPE = 'https://ossrdbms-aad.database.windows.net/.default';

export interface PostgresDeps {
  readonly administrators: Administrators;
  /** `single`: one account, whose password is replaced in place. A pair when absent. */
  readonly accounts?: 'pair' | 'single';
  /** Revoke also takes away LOGIN; the next `set` gives it back. */
  readonly disableOnRevoke?: boolean;
  /** What turns a flexible server's name into its host; another one in a sovereign cloud. */
  readonly postgresSuffix?: string;
  /** An authority to trust besides the system's own, PEM. NODE_EXTRA_CA_CERTS does the same for the whole process. */
  readonly ca?: string;
}

type PostgresTarget = Target<PostgresConfig>;

/**
 * Two log-in roles with the same grants, of which one is in use and the other gets the next password. The verifier is
 * computed here, so that the server and its log never see a password. See README.md in this folder.
 */
export function postgresRotator(deps: PostgresDeps): Rotator<PostgresConfig> {
  const single = deps.accounts === 'single';
  const suffix = deps.postgresSuffix ?? '.postgres.database.azure.com';
  const asAdministrator: AsAdministrator = async (target, call, work) => {
    const admin = await deps.administrators.for(target.hosts[0] ?? '', POSTGRES_SCOPE, call);
    const password = admin.kind === 'token' ? admin.token : admin.password;
    const login: Login = { server: target.config, user: admin.user, password, as: 'administrator', ca: deps.ca };
    return session(login, call, (query) => work(query, admin.user));
  };
  return {
    kind: single ? 'postgres-single' : 'postgres',
    capabilities: {
      minting: 'engine',
      overlap: single ? 'none' : 'two-slots',
      revocable: !single,
      proof: 'log-in',
    },
    claims: (address) => claims(address, suffix),
    parseTarget: (input) => parseTarget(input, suffix, single),
    describe: (target, slot) => describe(target, slot),
    check: (target, slot, current, call) =>
      asAdministrator(target, call, async (query, admin) =>
        blockersOf(await readPair(query, target.slots), current.slot, slot, admin),
      ),
    list: (target, call) =>
      asAdministrator(target, call, async (query) => {
        const rows = await query(ACCOUNTS_AND_SESSIONS, [[...target.slots]], {
          what: 'listing the accounts of the pair',
        });
        return rows.map(credentialOf);
      }),
    async set(target, pending, call) {
      const { slot, current, value } = pending;
      if (value === undefined) throw new TypeError('set of postgres needs the value that the engine has minted');
      refuseInUse(target, slot, single ? '' : current.slot);
      const verifier = await scramVerifier(value);
      await asAdministrator(target, call, async (query, admin) => {
        throwFirst(target, blockersOf(await readPair(query, target.slots), current.slot, slot, admin));
        await storeVerifier(query, slot, alterPassword(slot, verifier));
      });
      return { credentialId: slot, slot, value };
    },
    async test(target, issued, call) {
      // The driver takes an empty password for none, and would look for one in the environment.
      if (issued.value.reveal() === '') throw rejected(target, issued.slot, 'the value is empty');
      const login: Login = {
        server: target.config,
        user: issued.slot,
        password: issued.value,
        as: 'account',
        ca: deps.ca,
      };
      await session(login, call, () => Promise.resolve());
    },
    revoke: (target, slot, how, call) =>
      single
        ? endSessions(asAdministrator, target, slot, how, call)
        : revoke(asAdministrator, deps.disableOnRevoke === true, target, slot, how, call),
    ...(single
      ? {}
      : {
          bootstrap: (target, how, call) =>
            asAdministrator(target, call, (query) => bootstrap(query, target.slots, target.current, how.dryRun)),
        }),
  };
}

export type AsAdministrator = <T>(
  target: PostgresTarget,
  call: Call,
  work: (query: Query, admin: string) => Promise<T>,
) => Promise<T>;

function describe(target: PostgresTarget, slot: Slot): readonly string[] {
  const { host, port, database } = target.config;
  return [
    `log in to ${host}:${port}/${database} as the administrator`,
    `read the grants of ${target.slots.map(identifier).join(' and ')} from the catalogue (one SELECT)`,
    `ALTER ROLE ${identifier(slot)} LOGIN PASSWORD '<SCRAM-SHA-256 verifier>' VALID UNTIL 'infinity'`,
  ];
}

/**
 * One ALTER ROLE with a verifier. Whether Azure takes a pre-computed one is unverified (facts D2 [?]). If it refuses
 * it, the error says so, and nothing is sent in plain text instead; if it takes it for a password, the log-in that
 * `test` makes next is refused, and the value never reaches a reader.
 */
async function storeVerifier(query: Query, slot: Slot, statement: string): Promise<void> {
  try {
    await query(statement, undefined, { mutates: true, what: `ALTER ROLE ${identifier(slot)} PASSWORD '<verifier>'` });
  } catch (error) {
    if (!['22023', '0A000', '28P01', '42601'].includes((error as { code?: string }).code ?? '')) throw error;
    throw new RotationError({
      code: 'HUMAN_REQUIRED',
      recovery: 'human',
      effect: 'none',
      message: `the server refuses a pre-computed SCRAM-SHA-256 verifier for ${slot}: ${(error as Error).message}`,
      remedy:
        "Let it take one (password_encryption = 'scram-sha-256', no password-checking extension that insists on plain text); Keyturn sends no password in plain text.",
      cause: error,
    });
  }
}

async function revoke(
  asAdministrator: AsAdministrator,
  disable: boolean,
  target: PostgresTarget,
  slot: Slot,
  how: { readonly endSessions: boolean },
  call: Call,
): Promise<void> {
  const verifier = await scramVerifier(new SecretValue(randomBytes(32).toString('base64url')));
  await asAdministrator(target, call, async (query) => {
    try {
      await storeVerifier(query, slot, takeOutOfUse(slot, verifier, disable));
    } catch (error) {
      // undefined_object: the role is gone, and with it its sessions' right to come back.
      if ((error as { code?: string }).code === '42704') return;
      throw error;
    }
    if (!how.endSessions) return;
    await query(END_SESSIONS, [slot], { mutates: true, what: `ending the sessions of ${slot}` });
  });
}

/** Of a single account, whose value before is out of use already. */
async function endSessions(
  asAdministrator: AsAdministrator,
  target: PostgresTarget,
  slot: Slot,
  how: { readonly endSessions: boolean },
  call: Call,
): Promise<void> {
  call.signal.throwIfAborted();
  if (!how.endSessions) return;
  await asAdministrator(target, call, async (query) => {
    await query(END_SESSIONS, [slot], { mutates: true, what: `ending the sessions of ${slot}` });
  });
}

function credentialOf(row: Row): LiveCredential {
  const { name, notAfter, endless, sessions } = row as unknown as AccountRow;
  return {
    credentialId: name,
    slot: name,
    ...(notAfter instanceof Date && endless !== true ? { notAfter } : {}),
    sessions: sessions.map(
      (s) =>
        `pid ${s.pid}, ${s.application ?? 'application hidden'}, from ${s.address ?? 'an address hidden'}, since ${s.since ?? 'a time hidden'}${s.state == null ? '' : `, ${s.state}`}`,
    ),
  };
}

interface AccountRow {
  readonly name: string;
  readonly notAfter: unknown;
  readonly endless: boolean | null;
  readonly sessions: readonly Readonly<Record<'pid' | 'application' | 'address' | 'since' | 'state', string | null>>[];
}
