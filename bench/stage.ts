/** The simulated Azure and, in this process, the engine on its real adapters: what the timed and counted parts share. */
import { setTimeout as pause } from 'node:timers/promises';
import { findMariaDb, findMySql, startMysql, type MysqlService } from '../sandbox/mysql/mysql.ts';
import { startSandbox, type Sandbox } from '../sandbox/sandbox.ts';
import type { TrafficEntry } from '../sandbox/traffic.ts';
import { readSettings } from '../src/config/settings.ts';
import { createEngine } from '../src/main.ts';
import type { Engine, Outcome } from '../src/rotation/engine.ts';
import type { ObjectRef } from '../src/rotation/ports.ts';
import { handlePropagate } from '../src/rotation/propagate.ts';
import { SERVICE_SUFFIXES } from '../src/rotators/arm-key/rows.ts';
import { handleRotate } from '../src/rotation/runner.ts';
import { seed, seedMysql, type RotatorKind } from './seed.ts';

const HOUR_MS = 3600_000;
const DAY_MS = 24 * HOUR_MS;
export const VAULT = 'kv';
const WHERE = { vault: VAULT, expiresInMs: 60 * DAY_MS };
const PARTS = ['eventgrid', 'topic', 'azurite', 'blob', 'postgres', 'tds'] as const;
const ADMINISTRATOR = 'mysql8-administrator';

/** Its administrator logs in with a password out of the vault: MySQL takes no token of the sandbox's for one. */
function withMysql8({ env, vault }: Sandbox, { host, port, admin }: MysqlService): Sandbox['env'] {
  vault.seed(VAULT, ADMINISTRATOR, { value: admin.password });
  const administrators = JSON.parse(env['KEYTURN_ADMINISTRATORS'] ?? '{}') as Record<string, unknown>;
  administrators[host] = { user: admin.user, secret: `${vault.url(VAULT)}/secrets/${ADMINISTRATOR}` };
  return {
    ...env,
    KEYTURN_ALLOWED_HOSTS: `${env['KEYTURN_ALLOWED_HOSTS'] ?? ''},${host}:${port}`,
    KEYTURN_ADMINISTRATORS: JSON.stringify(administrators),
  };
}

/** The three times that a run is worked on; in between it waits. */
export type Phase = 'rotation' | 'refresh' | 'retirement';
/** Runs the work of a phase; whoever times or counts, does it around `work`. */
export type Around = (phase: Phase, work: () => Promise<void>) => Promise<void>;

export class Stage {
  readonly sandbox: Sandbox;
  readonly #engine: Engine;
  /** Where this machine has them. */
  readonly mariaDb: MysqlService | undefined;
  readonly mysql8: MysqlService | undefined;

  private constructor(sandbox: Sandbox, engine: Engine, mysql8: MysqlService | undefined) {
    this.sandbox = sandbox;
    this.#engine = engine;
    this.mariaDb = findMariaDb() === undefined ? undefined : sandbox.mysql;
    this.mysql8 = mysql8;
  }

  static async set(): Promise<Stage> {
    const sandbox = await startSandbox({
      parts: [...PARTS, ...(findMariaDb() === undefined ? [] : (['mysql'] as const))],
      vault: { rateLimit: false },
    });
    const mysql8 = findMySql() === undefined ? undefined : await startMysql(sandbox.ctx, { edition: 'mysql' });
    const clock = {
      now: () => sandbox.ctx.clock.now(),
      after: (ms: number, callback: () => void) => {
        const timer = setTimeout(callback, ms);
        return () => clearTimeout(timer);
      },
    };
    const env = mysql8 === undefined ? sandbox.env : withMysql8(sandbox, mysql8);
    return new Stage(
      sandbox,
      createEngine(readSettings(env, SERVICE_SUFFIXES), clock, () => undefined),
      mysql8,
    );
  }

  /** A managed secret whose version is older than any overlap. */
  async secret(rotator: RotatorKind, name: string): Promise<ObjectRef> {
    await seed(this.sandbox, rotator, name, WHERE);
    return this.#old(name);
  }

  /** The same for a single account of the MySQL 8 that is here. */
  async secretOnMysql8(mysql8: MysqlService, name: string): Promise<ObjectRef> {
    await seedMysql(this.sandbox, mysql8, name, WHERE);
    return this.#old(name);
  }

  #old(name: string): ObjectRef {
    this.sandbox.ctx.clock.advance(2 * DAY_MS);
    return { kind: 'secret', vault: this.sandbox.vault.url(VAULT), name };
  }

  /** The value of the version before the newest. */
  valueBefore(name: string): string {
    return this.sandbox.vault.peek(VAULT, name).at(-2)?.value ?? '';
  }

  /** One whole run, from the near-expiry event to the old credential's retirement. @throws when it ends otherwise */
  async run(object: ObjectRef, around: Around): Promise<void> {
    const { sandbox } = this;
    const old = this.#current(object.name);
    const exp = Math.floor((sandbox.ctx.clock.now().getTime() + 20 * DAY_MS) / 1000);
    sandbox.vault.amend(VAULT, object.name, { exp });
    let rotationId = '';
    await around('rotation', async () => {
      const outcome = await handleRotate(this.#engine, { object, trigger: 'near-expiry', version: old });
      rotationId = expected(outcome, 'rotated');
    });
    await around('refresh', async () => {
      expected(await handlePropagate(this.#engine, { object, version: this.#current(object.name) }), 'waiting');
    });
    sandbox.ctx.clock.advance(25 * HOUR_MS);
    await this.#loggedOut();
    await around('retirement', async () => {
      expected(await handleRotate(this.#engine, { object, trigger: 'resume', rotationId }), 'retired');
    });
  }

  /** Servers that were not there to be measured. */
  get missing(): readonly string[] {
    return [
      ...(this.mariaDb === undefined ? ['mysql-single'] : []),
      ...(this.mysql8 === undefined ? ['… on MySQL 8'] : []),
    ];
  }

  /** What crossed the wire during the work. */
  async traffic(work: () => Promise<void>): Promise<readonly TrafficEntry[]> {
    await this.sandbox.postgres.settled();
    const from = this.sandbox.ctx.traffic.entries.length;
    await work();
    await this.sandbox.postgres.settled();
    for (const one of [this.mariaDb, this.mysql8]) one?.settle();
    return this.sandbox.ctx.traffic.entries.slice(from);
  }

  async stop(): Promise<void> {
    await this.mysql8?.stop();
    await this.sandbox.stop();
  }

  #current(name: string): string {
    return this.sandbox.vault.peek(VAULT, name).at(-1)?.id ?? '';
  }

  /** A day has passed for the clock, not for the server: its sessions of a moment ago may still be ending. */
  async #loggedOut(): Promise<void> {
    while ((await this.sandbox.postgres.sessions()).some(({ application }) => application === 'keyturn')) {
      await pause(5);
    }
  }
}

function expected(outcome: Outcome, wanted: Outcome['outcome']): string {
  if (outcome.outcome === wanted && 'rotationId' in outcome) return outcome.rotationId;
  throw new Error(`a run ended as '${outcome.outcome}' and not as '${wanted}': ${outcome.detail}`);
}
