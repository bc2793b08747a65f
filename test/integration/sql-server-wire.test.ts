import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SecretValue } from '../../src/rotation/ports.ts';
import type { SandboxContext } from '../../sandbox/context.ts';
import type { Tds } from '../../sandbox/tds/tds.ts';
import { call, pairOn, pendingFor, rotatorOf, startFixture, trafficOf, type TdsFixture } from './tds-fixture.ts';

let ctx: SandboxContext;
let box: Tds;
let azure: Tds;
let fixture: TdsFixture;

beforeAll(async () => {
  fixture = await startFixture();
  ({ ctx, box, azure } = fixture);
});

afterAll(() => fixture.stop());

describe('the sql-server rotator on the wire', () => {
  it('makes one log-in and two statements for set, and one log-in for test', async () => {
    const pair = pairOn(box);
    const rotator = rotatorOf(ctx, box);
    const target = rotator.parseTarget(pair);
    const pending = pendingFor(pair, target.slots[1] ?? '');
    const b = pair.alternateCredentialId ?? '';
    expect(await trafficOf(ctx, () => rotator.set(target, pending, call))).toEqual([
      'LOGIN sandbox_admin ok',
      'SELECT sys.server_principals ok',
      `ALTER LOGIN ${b} ok`,
    ]);
    const issued = { credentialId: b, slot: pending.slot, value: pending.value };
    expect(await trafficOf(ctx, () => rotator.test(target, issued, call))).toEqual([`LOGIN ${b} ok`]);
  });

  it('changes a login of Azure SQL Database in master, with one log-in more, by the token of the identity', async () => {
    const pair = pairOn(azure);
    const rotator = rotatorOf(ctx, azure);
    const target = rotator.parseTarget(pair);
    const pending = pendingFor(pair, target.slots[1] ?? '');
    await rotator.check(target, pending.slot, pending.current, call);
    expect(await trafficOf(ctx, () => rotator.set(target, pending, call))).toEqual([
      'LOGIN <token> ok',
      'SELECT sys.database_principals ok',
      'LOGIN <token> ok',
      `ALTER LOGIN ${pair.alternateCredentialId ?? ''} ok`,
    ]);
    expect(azure.authenticates(pair.alternateCredentialId ?? '', pending.value.reveal(), 'appdb')).toBe(true);
  });

  it('changes logins of Azure SQL in master itself when the address names master, as an ARM id without a database does', async () => {
    const pair = pairOn(azure);
    const rotator = rotatorOf(ctx, azure);
    const target = rotator.parseTarget({ ...pair, providerAddress: `${azure.name},${azure.port}/master` });
    const pending = pendingFor(pair, target.slots[1] ?? '');
    await rotator.check(target, pending.slot, pending.current, call);
    expect(await trafficOf(ctx, () => rotator.set(target, pending, call))).toEqual([
      'LOGIN <token> ok',
      'SELECT sys.sql_logins ok',
      `ALTER LOGIN ${pair.alternateCredentialId ?? ''} ok`,
    ]);
    expect(await rotator.list(target, call)).toEqual(target.slots.map((slot) => ({ slot, credentialId: slot })));
  });

  it('finds out once that a host is Azure SQL when its address does not tell, with one SELECT more', async () => {
    const pair = pairOn(azure);
    const rotator = rotatorOf(ctx, azure);
    const target = rotator.parseTarget(pair);
    const ask = () =>
      trafficOf(ctx, () => rotator.check(target, target.slots[1] ?? '', pendingFor(pair, '').current, call));
    expect(await ask()).toEqual([
      'LOGIN <token> ok',
      'SELECT sys.server_principals 208',
      'SELECT sys.database_principals ok',
    ]);
    expect(await ask()).toEqual(['LOGIN <token> ok', 'SELECT sys.database_principals ok']);
  });

  it('names the settings when the administrator is refused, and the password when the account is', async () => {
    const pair = pairOn(box);
    const administrators = {
      for: async () => ({ kind: 'password', user: box.admin.user, password: new SecretValue('wrong') }) as const,
    };
    const rotator = rotatorOf(ctx, box, { administrators });
    const target = rotator.parseTarget(pair);
    const pending = pendingFor(pair, target.slots[1] ?? '');
    await expect(rotator.set(target, pending, call)).rejects.toMatchObject({
      code: 'ACCESS_DENIED',
      effect: 'none',
      remedy: expect.stringContaining(`administrator of ${box.name} in the settings`) as string,
    });
    box.run(`ALTER LOGIN ${pair.credentialId} DISABLE`);
    await expect(rotator.test(target, pending.current, call)).rejects.toMatchObject({
      code: 'CREDENTIAL_REJECTED',
      remedy: `ALTER LOGIN [${pair.credentialId}] ENABLE`,
    });
  });

  it('enables a login again that revoke has disabled', async () => {
    const pair = pairOn(box);
    const rotator = rotatorOf(ctx, box, { disableOnRevoke: true });
    const target = rotator.parseTarget(pair);
    const idle = target.slots[1] ?? '';
    const b = pair.alternateCredentialId ?? '';
    await rotator.revoke(target, idle, { endSessions: false }, call);
    expect(box.log.join('\n')).toContain(`ALTER LOGIN [${b}] DISABLE`);
    const pending = pendingFor(pair, idle);
    expect((await trafficOf(ctx, () => rotator.set(target, pending, call))).slice(2)).toEqual([
      `ALTER LOGIN ${b} ok`,
      `ALTER LOGIN ${b} ok`,
    ]);
    expect(box.authenticates(b, pending.value.reveal(), 'appdb')).toBe(true);
  });

  it('does not know whether a change happened when the connection is cut before the answer', async () => {
    const pair = pairOn(box);
    const rotator = rotatorOf(ctx, box);
    const target = rotator.parseTarget(pair);
    const pending = pendingFor(pair, target.slots[1] ?? '');
    ctx.faults.add({ system: 'tds', match: '^ALTER LOGIN', times: 1, action: { drop: 'after' } });
    await expect(rotator.set(target, pending, call)).rejects.toMatchObject({ code: 'TIMED_OUT', effect: 'unknown' });
    expect(box.authenticates(pair.alternateCredentialId ?? '', pending.value.reveal(), 'appdb')).toBe(true);
  });

  it.each([
    [40501, 'THROTTLED', 10_000],
    [49918, 'THROTTLED', undefined],
    [40613, 'UNAVAILABLE', undefined],
    [40615, 'ACCESS_DENIED', undefined],
    [18486, 'ACCESS_DENIED', undefined],
  ])('error %d at log-in is %s', async (status, code, retryAfterMs) => {
    const rotator = rotatorOf(ctx, box);
    const target = rotator.parseTarget(pairOn(box));
    ctx.faults.add({ system: 'tds', match: '^LOGIN ', times: 1, action: { status } });
    await expect(rotator.list(target, call)).rejects.toMatchObject({ code, effect: 'none', retryAfterMs });
  });

  it('refuses a server whose certificate is not from a known authority, and says how to make it known', async () => {
    const rotator = rotatorOf(ctx, box, { ca: [] });
    await expect(rotator.list(rotator.parseTarget(pairOn(box)), call)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      remedy: expect.stringContaining('NODE_EXTRA_CA_CERTS') as string,
    });
  });
});
