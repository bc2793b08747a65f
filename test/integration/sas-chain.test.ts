/** The key of a storage account is rotated: the tokens that it signed are made anew before it goes, in order. */
import { ContainerClient } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startArm, type ArmService } from '../../sandbox/arm/arm.ts';
import { startBlob, type BlobService } from '../../sandbox/blob/blob.ts';
import { installSandboxDns } from '../../sandbox/dns.ts';
import { startIdentity, type IdentityService } from '../../sandbox/identity/identity.ts';
import { createRun, type Run } from '../../sandbox/run.ts';
import { trustSandbox } from '../../sandbox/trust.ts';
import { readSettings } from '../../src/config/settings.ts';
import { createConfiguration } from '../../src/config/tags.ts';
import { SecretValue, type ObjectRef, type RotateMessage } from '../../src/rotation/ports.ts';
import { sweep } from '../../src/rotation/sweep.ts';
import { parseValue } from '../../src/rotation/value/value.ts';
import { armKeyRotator } from '../../src/rotators/arm-key/rotator.ts';
import { STORAGE_ROW } from '../../src/rotators/arm-key/rows/storage.ts';
import { derivedRotator } from '../../src/rotators/derived/rotator.ts';
import { sasTokenRotator } from '../../src/rotators/sas-token/rotator.ts';
import { sign } from '../../src/rotators/sas-token/sign.ts';
import { credentialOf } from '../support/credential.ts';
import { Bench, days, OBJECT, OTHER_VAULT, OVERLAP, VAULT } from '../support/memory/bench.ts';
import { DAY, MINUTE } from '../support/memory/clock.ts';

const REPORTS: ObjectRef = { kind: 'secret', vault: OTHER_VAULT, name: 'reports' };
const COPY: ObjectRef = { kind: 'secret', vault: VAULT, name: 'copy' };

describe('a SAS token and the key that signs it', () => {
  let run: Run;
  let identity: IdentityService;
  let arm: ArmService;
  let blob: BlobService;
  let restore: readonly (() => void)[] = [];
  let made = 0;

  beforeAll(async () => {
    run = await createRun();
    restore = [installSandboxDns(), trustSandbox(run.ctx.pki)];
    identity = await startIdentity(run.ctx, { tokenLifetimeMs: 3650 * DAY });
    arm = await startArm(run.ctx, { identity });
    blob = await startBlob(run.ctx, { accounts: arm.accounts });
  });
  afterAll(async () => {
    await Promise.all([arm.stop(), blob.stop(), identity.stop()]);
    for (const one of [...restore].reverse()) one();
    run.dispose();
  });

  /** db in kv holds the account's key; reports, in another vault, a URL with a token that it signed. */
  async function setUp() {
    const bench = new Bench();
    const move = (ms: number): void => {
      bench.clock.advance(ms);
      run.ctx.clock.advance(ms);
    };
    bench.clock.advance(run.ctx.clock.now().getTime() - bench.clock.now().getTime());
    const account = `chain${(made += 1)}`;
    const { id, keys } = arm.createAccount(account);
    const settings = readSettings({
      KEYTURN_VAULTS: `${VAULT} ${OTHER_VAULT}`,
      KEYTURN_SHARED_VAULTS: `${VAULT} ${OTHER_VAULT}`,
      KEYTURN_ALLOWED_HOSTS: `${new URL(arm.origin).host} *.blob.${blob.suffix}`,
      KeyturnStorage: 'UseDevelopmentStorage=true',
    });
    const sources = {
      serves: (vault: string) => settings.vaults.includes(vault),
      read: (object: ObjectRef) => bench.vault.current(object),
      parseValue,
    };
    const tokens = sasTokenRotator({ ...sources, storageSuffix: blob.suffix });
    const storage = armKeyRotator(STORAGE_ROW, {
      credential: () => Promise.resolve(credentialOf(identity)),
      armEndpoint: arm.origin,
      storageSuffix: blob.suffix,
      serviceSuffixes: {},
      clock: bench.clock,
    });
    const rotators = [storage, tokens, derivedRotator(sources)];
    Object.assign(bench.engine, { configuration: createConfiguration(settings, rotators) });
    bench.seed({ value: keys.key1, tags: { CredentialId: 'key1', ProviderAddress: id } });
    const address = `${VAULT}/secrets/db?account=${account}&container=reports&sp=rl`;
    const { config } = tokens.parseTarget({ credentialId: '', providerAddress: address });
    const token = await sign(config, new SecretValue(keys.key1), new Date(bench.clock.now().getTime() + 60 * DAY));
    const url = `${blob.url(account)}/reports?${token.reveal()}`;
    const put = (value: string, more: Record<string, string> = {}): void => {
      const far = { createdOn: days(-60), expiresOn: days(60) };
      bench.vault.put(REPORTS, value, { ProviderAddress: address, ...more }, far);
    };
    put(url);
    const live = async (): Promise<void> => {
      for (let turn = 0; turn < 4; turn += 1) {
        await sweep(bench.engine);
        move(5 * MINUTE);
        await bench.drain();
      }
    };
    const ask = (object: ObjectRef, trigger: 'manual' | 'compromised'): RotateMessage => ({
      object,
      trigger,
      rotationId: `asked-${trigger}-${object.name}`,
    });
    return { bench, move, url, put, live, ask, address };
  }

  const valueOf = (bench: Bench, object = REPORTS): string => bench.vault.peek(object)[0]?.value.reveal() ?? '';
  async function opens(url: string): Promise<boolean> {
    const client = new ContainerClient(url, undefined, { retryOptions: { maxTries: 1 } });
    return client.listBlobsFlat().next().then(() => true, () => false); // prettier-ignore
  }

  it('is signed with the new key by the next sweep, while the old one still works, and outlives it', async () => {
    const { bench, move, url, live } = await setUp();
    await bench.rotated();
    expect(await opens(url), 'the overlap of the source has begun').toBe(true);
    await live();
    const next = valueOf(bench);
    expect(next).not.toBe(url);
    expect(next.split('?')[0]).toBe(url.split('?')[0]);
    expect([await opens(url), await opens(next)], 'both work, and the old key is not revoked yet').toEqual([
      true,
      true,
    ]);
    expect(bench.run).toMatchObject({ state: 'waiting', step: 'confirm' });
    move(OVERLAP);
    await live();
    expect(bench.run).toMatchObject({ state: 'done' });
    expect([await opens(url), await opens(valueOf(bench))]).toEqual([false, true]);
    expect(bench.vault.peek(REPORTS), 'once, however many sweeps').toHaveLength(2);
    expect(bench.told()).not.toContain(next.split('?')[1]);
    expect(bench.told()).not.toContain(encodeURIComponent(new URL(next).searchParams.get('sig') ?? '?'));
  });

  it('has a life of its own, which ends an hour after its version does', async () => {
    const { bench, url, put, ask } = await setUp();
    put(url, { ValidityPeriodDays: '7', LeadTimeDays: '3' });
    const now = bench.clock.now().getTime();
    await bench.deliver(ask(REPORTS, 'manual'));
    const version = bench.vault.peek(REPORTS)[0];
    expect(version?.expiresOn?.getTime()).toBe(now + 7 * DAY);
    const end = Date.parse(new URL(valueOf(bench)).searchParams.get('se') ?? '');
    expect(end - now - 7 * DAY).toBeGreaterThan(59 * MINUTE);
    expect(end - now - 7 * DAY).toBeLessThanOrEqual(60 * MINUTE);
  });

  it('is followed by what is derived from it', async () => {
    const { bench, url, live } = await setUp();
    const before = `BlobEndpoint=${new URL(url).origin}/;SharedAccessSignature=${new URL(url).search.slice(1)}`;
    bench.vault.put(COPY, before, { ProviderAddress: `${OTHER_VAULT}/secrets/reports` }, { createdOn: days(-60) });
    await bench.rotated();
    await live();
    const token = valueOf(bench).split('?')[1] ?? '';
    expect(valueOf(bench, COPY)).toBe(`BlobEndpoint=${new URL(url).origin}/;SharedAccessSignature=${token}`);
  });

  it('in a circle is refused, and its members are named', async () => {
    const { bench, ask } = await setUp();
    bench.vault.put(OBJECT, 'sig=x', { ProviderAddress: `${OTHER_VAULT}/secrets/reports`, Rotator: 'derived' });
    expect(await bench.deliver(ask(REPORTS, 'manual'))).toMatchObject({ outcome: 'blocked' });
    expect(bench.journal.entry(REPORTS)?.record.run?.blocked).toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('/secrets/db ← https://other.vault.azure.net/secrets/reports ←') as string,
    });
  });

  it('that is compromised says that it works on, and what ends it; that does', async () => {
    const { bench, url, live, ask } = await setUp();
    await bench.deliver(ask(REPORTS, 'compromised'));
    const steps = bench.journal.entry(REPORTS)?.record.run?.steps.map(({ detail }) => detail ?? '') ?? [];
    const said = `{"vault":"${VAULT}","name":"db","reason":"compromised"}`;
    expect(steps.filter((detail) => detail.includes(said))).toHaveLength(1);
    expect(await opens(url)).toBe(true);
    await bench.deliver(ask(OBJECT, 'compromised'));
    expect(await opens(url)).toBe(false);
    await live();
    expect(await opens(valueOf(bench))).toBe(true);
  });

  it.each([
    ['alone', 'sig=first', /^sv=/],
    ['with its question mark', '?sig=first', /^\?sv=/],
    ['in JSON', '{"sas":"sig=first"}', /^\{"sas":"sv=/],
  ])('is made for the first time in the place of sig=first, %s', async (_, value, looks) => {
    const { bench, put, ask } = await setUp();
    put(value);
    await bench.deliver(ask(REPORTS, 'manual'));
    expect(valueOf(bench)).toMatch(looks);
  });

  it('does not take the place of what is no token', async () => {
    const { bench, put, ask } = await setUp();
    const key = `AccountName=a;AccountKey=${Buffer.alloc(64, 1).toString('base64')}`;
    put(key);
    expect(await bench.deliver(ask(REPORTS, 'manual'))).toMatchObject({ outcome: 'blocked' });
    expect(bench.journal.entry(REPORTS)?.record.run?.blocked?.message).toMatch(/value: holds no SAS token/);
    expect(valueOf(bench)).toBe(key);
  });

  it.each([
    ['another account’s key', 'AccountName=other;AccountKey=<key>', /holds a key of other/],
    ['no key of an account', 'hunter2', /holds no key of a storage account/],
  ])('is refused when its source holds %s', async (_, source, says) => {
    const { bench, ask } = await setUp();
    const key = Buffer.alloc(64, 1).toString('base64');
    bench.vault.put(OBJECT, source.replace('<key>', key), { Rotator: 'manual' });
    expect(await bench.deliver(ask(REPORTS, 'manual'))).toMatchObject({ outcome: 'blocked' });
    expect(bench.journal.entry(REPORTS)?.record.run?.blocked?.message).toMatch(says);
  });

  it('is refused in words of the service’s when the account takes no keys, or this network is not let in', async () => {
    const { bench, ask } = await setUp();
    const account = arm.accounts.find(`chain${made}`) ?? expect.fail('it was made');
    account.allowSharedKeyAccess = false;
    await bench.deliver(ask(REPORTS, 'manual'));
    const blocked = () => bench.journal.entry(REPORTS)?.record.run?.blocked;
    expect(blocked()).toMatchObject({ code: 'ACCESS_DENIED' });
    expect(blocked()?.remedy).toContain('--allow-shared-key-access true');
    account.allowSharedKeyAccess = true;
    account.firewalled = true;
    await bench.deliver({ object: REPORTS, trigger: 'resume', rotationId: 'asked-manual-reports' });
    expect(blocked()?.remedy).toContain('network-rule add');
  });

  it('whose time has come and gone by the clock of the service is refused as such', async () => {
    const { bench, address } = await setUp();
    const { rotator, target } =
      bench.engine.configuration.managed({ ProviderAddress: address }, REPORTS) ?? expect.fail();
    const call = { signal: AbortSignal.timeout(10_000), now: () => bench.clock.now() };
    const late = new Date(run.ctx.clock.now().getTime() - 40 * DAY);
    const current = { credentialId: '', slot: '', value: new SecretValue('sig=first') };
    const issued = await rotator.set(target, { rotationId: 'r', slot: '', current, expiresOn: late }, call);
    if (issued === 'pending') expect.fail('it is made at once');
    await expect(rotator.test(target, issued, call)).rejects.toMatchObject({
      code: 'CREDENTIAL_REJECTED',
      message: expect.stringContaining('not in its time') as string,
      remedy: expect.stringContaining('Compare the clocks') as string,
    });
  });
});
