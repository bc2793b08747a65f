import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SecretValue } from '../../src/rotation/ports.ts';
import type { SandboxContext } from '../../sandbox/context.ts';
import type { Tds } from '../../sandbox/tds/tds.ts';
import { mint } from '../contract/sql-server.harness.ts';
import {
  call,
  connected,
  pairOn,
  pendingFor,
  poolOf,
  rotatorOf,
  startFixture,
  type TdsFixture,
} from './tds-fixture.ts';

let ctx: SandboxContext;
let box: Tds;
let azure: Tds;
let fixture: TdsFixture;

beforeAll(async () => {
  fixture = await startFixture();
  ({ ctx, box, azure } = fixture);
});

afterAll(() => fixture.stop());

describe('the sql-server rotator and the pair', () => {
  it('names the grants that differ with statements that mend them when run as they are', async () => {
    const pair = pairOn(box);
    const { credentialId: a, alternateCredentialId: b = '' } = pair;
    box.run('CREATE SCHEMA sales; CREATE TABLE sales.orders (id int); CREATE ROLE [or]]ders]', 'appdb');
    box.run(
      `GRANT SELECT ON sales.orders TO ${a}; DENY DELETE ON SCHEMA::sales TO ${a}; ALTER ROLE [or]]ders] ADD MEMBER ${a}; ALTER USER ${a} WITH DEFAULT_SCHEMA = sales; GRANT EXECUTE TO ${b}`,
      'appdb',
    );
    box.run(`GRANT VIEW ANY DATABASE TO ${a} WITH GRANT OPTION`);
    const rotator = rotatorOf(ctx, box);
    const target = rotator.parseTarget(pair);
    const pending = pendingFor(pair, target.slots[1] ?? '');
    const [blocker, ...others] = await rotator.check(target, pending.slot, pending.current, call);
    expect(others).toEqual([]);
    expect(blocker).toMatchObject({ code: 'GRANTS_DIFFER' });
    for (const part of [
      'GRANT SELECT ON [sales].[orders]',
      'DENY DELETE ON SCHEMA::[sales]',
      'role or]ders',
      'default schema sales',
      'GRANT EXECUTE beyond',
    ]) {
      expect(blocker?.message.replaceAll('  ', ' ')).toContain(part);
    }
    await expect(rotator.set(target, pending, call)).rejects.toMatchObject({ code: 'GRANTS_DIFFER', effect: 'none' });
    const statements = /^In appdb: (.*) \(or /s.exec(blocker?.remedy ?? '')?.[1] ?? '';
    await connected(ctx, box, {}, (pool) => pool.request().batch(statements));
    expect(await rotator.check(target, pending.slot, pending.current, call)).toEqual([]);
  });

  it.each(['login', 'contained', 'azure'] as const)('bootstraps the second account: %s', async (kind) => {
    const tds = kind === 'azure' ? azure : box;
    const name = `solo ${kind}]`;
    const value = new SecretValue(mint());
    if (kind === 'contained') tds.addContainedUser('appdb', name, value.reveal(), { roles: ['db_datawriter'] });
    else tds.addLogin(name, value.reveal(), { roles: ['db_datawriter'] });
    const rotator = rotatorOf(ctx, tds);
    const suffix = kind === 'contained' ? '?contained=true' : '';
    const target = rotator.parseTarget({
      credentialId: name,
      providerAddress: `${tds.name},${tds.port}/appdb${suffix}`,
    });
    const [current = '', idle = ''] = target.slots;
    expect(idle).toBe(`${name}_alt`);
    const missing = await rotator.check(target, idle, { credentialId: name, slot: current, value }, call);
    expect(missing[0]).toMatchObject({
      code: 'TARGET_NOT_FOUND',
      remedy: expect.stringContaining('bootstrap') as string,
    });
    const planned = await rotator.bootstrap?.(target, { dryRun: true }, call);
    expect(planned?.join('\n')).toContain("N'<generated>'");
    expect(tds.log.join('\n')).not.toContain(`CREATE LOGIN [${name}_alt]`);
    expect(await rotator.bootstrap?.(target, { dryRun: false }, call)).toEqual(planned);
    expect(await rotator.bootstrap?.(target, { dryRun: false }, call)).toEqual([]);
    const pending = pendingFor({ credentialId: name, value }, idle);
    await rotator.set(target, pending, call);
    await rotator.test(target, { credentialId: `${name}_alt`, slot: idle, value: pending.value }, call);
  });

  it('lists who is logged in, and ends their sessions only when told to', async () => {
    const pair = pairOn(box);
    const rotator = rotatorOf(ctx, box);
    const target = rotator.parseTarget(pair);
    const reader = await poolOf(ctx, box, {
      user: pair.credentialId,
      password: pair.value.reveal(),
      options: { appName: 'orders-api' },
    }).connect();
    reader.on('error', () => undefined);
    await reader.request().query('SELECT DB_NAME() AS d');
    const sessionsOf = async () =>
      (await rotator.list(target, call)).find(({ slot }) => slot === target.current)?.sessions;
    expect(await sessionsOf()).toEqual([expect.stringMatching(/^session \d+: orders-api on .+ since \d{4}-/)]);
    await rotator.revoke(target, target.current, { endSessions: false }, call);
    expect(await sessionsOf()).toHaveLength(1);
    await rotator.revoke(target, target.current, { endSessions: true }, call);
    expect(await sessionsOf()).toEqual([]);
    expect(box.authenticates(pair.credentialId, pair.value.reveal(), 'appdb')).toBe(false);
    await reader.close();
  });

  it('asks for VIEW SERVER STATE by its GRANT when it may not see the sessions of others', async () => {
    const password = mint();
    box.addLogin('half_admin', password);
    box.run('GRANT ALTER ANY LOGIN TO half_admin; GRANT VIEW ANY DEFINITION TO half_admin');
    const administrators = {
      for: async () => ({ kind: 'password', user: 'half_admin', password: new SecretValue(password) }) as const,
    };
    const rotator = rotatorOf(ctx, box, { administrators });
    const target = rotator.parseTarget(pairOn(box));
    await expect(rotator.list(target, call)).rejects.toMatchObject({
      code: 'ACCESS_DENIED',
      remedy: 'In master: GRANT VIEW SERVER STATE TO [half_admin]',
    });
    await rotator.revoke(target, target.current, { endSessions: false }, call);
  });
});
