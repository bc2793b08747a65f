import { describe, expect, it } from 'vitest';
import { createRunbook } from '../../src/http.ts';
import { handlePropagate } from '../../src/rotation/propagate.ts';
import { sweep } from '../../src/rotation/sweep.ts';
import { days, error } from '../support/memory/bench.ts';
import { CERTIFICATE, CERTIFICATE_TAGS, CertificateBench, NAMES } from '../support/memory/certificate-bench.ts';
import { DAY, HOUR, MINUTE } from '../support/memory/clock.ts';
import { containing } from '../support/memory/text.ts';

const ASK = { vault: 'kv', name: 'web', kind: 'certificate' };

describe('a certificate near its end', () => {
  it('gets a new version by its own policy, verified, announced, and pushed to its consumers', async () => {
    const bench = await CertificateBench.open();
    bench.consumers.put('gateway', { version: bench.newest.version });
    expect(await bench.deliver(bench.about())).toMatchObject({ outcome: 'waiting' });
    await bench.live(HOUR);
    expect(bench.made).toBe(1);
    expect(bench.newest).toMatchObject({ tags: CERTIFICATE_TAGS, certificate: { names: NAMES } });
    expect(bench.consumers.serves('gateway')).toBe(bench.newest.version);
    expect(bench.certificateRun).toMatchObject({
      state: 'done',
      rotator: 'vault-certificate',
      to: { version: bench.newest.version, expiresOn: bench.newest.expiresOn?.toISOString() },
    });
    expect(bench.announced.map(({ type }) => type)).toEqual(['Keyturn.CertificateVersionCreated']);
    expect(bench.certificates.peek(CERTIFICATE).every(({ enabled }) => enabled)).toBe(true);
    expect(bench.notices.told).toEqual([]);
  });

  it('is renewed once, however often the event comes', async () => {
    const bench = await CertificateBench.open();
    const event = bench.about();
    await Promise.all([bench.deliver(event), bench.deliver(event)]);
    await bench.live(HOUR);
    await bench.deliver(event);
    expect(bench.outcomes.at(-1)).toMatchObject({ outcome: 'refused', reason: 'StaleVersion' });
    expect(bench.made).toBe(1);
  });

  it.each([
    ['later', { atPercentage: 90 }, 'VaultRotates'],
    ['ten days before its end', { daysBeforeExpiry: 10 }, 'VaultRotates'],
    ['a day and more ago, and it has not come', { daysBeforeExpiry: 22 }, 'rotated'],
    ['not at all', undefined, 'rotated'],
  ])('is left to the vault where that renews it %s: %s %s', async (_, renews, outcome) => {
    const bench = await CertificateBench.open();
    if (renews !== undefined) bench.certificates.policyNow = { ...bench.certificates.policyNow, renews };
    const got = await bench.deliver(bench.about());
    expect('reason' in got ? got.reason : got.outcome).toBe(outcome);
  });

  it('is not left to a vault whose last attempt failed', async () => {
    const bench = await CertificateBench.open();
    bench.certificates.policyNow = {
      ...bench.certificates.policyNow,
      issuer: 'DigiCert',
      renews: { daysBeforeExpiry: 10 },
    };
    bench.certificates.failure = 'the account is closed';
    await bench.certificates.renew(CERTIFICATE, CERTIFICATE_TAGS);
    bench.certificates.failure = undefined;
    expect(await bench.deliver(bench.about())).toMatchObject({ outcome: 'rotated' });
    expect(bench.made).toBe(1);
  });

  it.each([
    ['Paused', { Paused: 'true' }, {}],
    ['NotNearExpiry', {}, { expiresOn: days(200) }],
    ['Disabled', {}, { enabled: false }],
    ['OutsideWindow', { RotationWindow: '01:00-02:00' }, {}],
  ])('is left alone where it is %s', async (reason, tags, change) => {
    const bench = await CertificateBench.open({}, { ...CERTIFICATE_TAGS, ...tags });
    bench.certificates.change(CERTIFICATE, change);
    expect(await bench.deliver(bench.about('sweep'))).toMatchObject({ reason });
    expect(bench.made).toBe(0);
  });

  it('with wrong tags is blocked, and says what is wrong with them', async () => {
    const bench = await CertificateBench.open({}, { Rotator: 'vault-key', LeadTimeDays: 'soon' });
    expect(await bench.deliver(bench.about())).toMatchObject({ outcome: 'blocked' });
    expect(bench.certificateRun.blocked?.problems?.map(({ path }) => path)).toEqual([
      'tags.Rotator',
      'tags.LeadTimeDays',
    ]);
  });

  it('is looked at again, sooner and later, while its issuer is at it', async () => {
    const bench = await CertificateBench.open();
    bench.certificates.operationMs = 2 * HOUR;
    expect(await bench.deliver(bench.about())).toMatchObject({
      outcome: 'waiting',
      detail: containing('the issuer Self'),
    });
    expect(bench.queue.nextAt).toBe(bench.clock.now().getTime() + 10_000);
    await bench.live(HOUR);
    expect(bench.made).toBe(0);
    expect(bench.calls.count('certificates.operation')).toBeLessThan(14);
    await bench.live(2 * HOUR);
    expect(bench.certificateRun.state).toBe('done');
    expect(bench.calls.count('certificates.renew')).toBe(1);
  });

  it('is a person’s question after a week, and goes on by itself when the version comes at last', async () => {
    const bench = await CertificateBench.open({ valid: { from: days(-335), until: days(30) } });
    bench.certificates.operationMs = 9 * DAY;
    await bench.deliver(bench.about('manual', { rotationId: 'r1' }));
    await bench.live(8 * DAY);
    expect(bench.certificateRun).toMatchObject({ state: 'blocked', blocked: { code: 'HUMAN_REQUIRED' } });
    bench.clock.advance(2 * DAY);
    await sweep(bench.engine);
    await bench.live(HOUR);
    expect(bench.certificateRun.state).toBe('done');
  });

  it('says what its issuer says, and asks it once more a day', async () => {
    const bench = await CertificateBench.open();
    bench.certificates.failure = 'the domain is not validated';
    expect(await bench.deliver(bench.about())).toMatchObject({
      outcome: 'blocked',
      detail: containing('not validated'),
    });
    expect(bench.certificateRun.blocked?.remedy).toContain(
      'az keyvault certificate pending show --vault-name kv --name web',
    );
    await sweep(bench.engine);
    await bench.drain();
    expect(bench.calls.count('certificates.renew')).toBe(1);
    bench.certificates.failure = undefined;
    bench.clock.advance(DAY + MINUTE);
    await sweep(bench.engine);
    await bench.live(HOUR);
    expect(bench.calls.count('certificates.renew')).toBe(2);
    expect(bench.certificateRun.state).toBe('done');
  });

  it('whose new version somebody cancels stays as it is until a person asks', async () => {
    const bench = await CertificateBench.open();
    bench.certificates.operationMs = HOUR;
    await bench.deliver(bench.about());
    bench.certificates.cancel(CERTIFICATE);
    await bench.live(MINUTE);
    expect(bench.certificateRun).toMatchObject({ state: 'blocked', blocked: { message: containing('cancelled') } });
    bench.clock.advance(2 * DAY);
    await sweep(bench.engine);
    await bench.drain();
    expect(bench.calls.count('certificates.renew')).toBe(1);
    await createRunbook(bench.engine).start(ASK, 'me');
    await bench.live(2 * HOUR);
    expect(bench.certificateRun.state).toBe('done');
  });

  it('takes over what a person or the vault has begun', async () => {
    const bench = await CertificateBench.open();
    bench.certificates.operationMs = MINUTE;
    await bench.certificates.renew(CERTIFICATE, CERTIFICATE_TAGS);
    await bench.deliver(bench.about());
    await bench.live(HOUR);
    expect(bench.made).toBe(1);
    expect(bench.certificateRun.state).toBe('done');
  });

  it('is found by the sweep where its event was lost, unless the vault renews it', async () => {
    const bench = await CertificateBench.open();
    expect(await sweep(bench.engine)).toMatchObject({ due: 1 });
    bench.certificates.policyNow = { ...bench.certificates.policyNow, renews: { daysBeforeExpiry: 10 } };
    expect(await sweep(bench.engine)).toMatchObject({ due: 0 });
  });

  it('does not keep the secrets of a vault from being swept where certificates may not be listed', async () => {
    const bench = await CertificateBench.open();
    bench.calls.fail('certificates.list', error('ACCESS_DENIED'));
    expect(await sweep(bench.engine)).toMatchObject({ problems: [] });
    expect(bench.logged.join()).toContain('the certificates of a vault are passed over');
  });
});

describe('a version that somebody makes while a run waits for the one before it', () => {
  it('is verified as well, also where its event is lost', async () => {
    const bench = await CertificateBench.open();
    bench.consumers.put('site', { version: bench.newest.version, takes: 'lagging' });
    await bench.deliver(bench.about());
    await bench.live(MINUTE);
    expect(bench.certificateRun).toMatchObject({ state: 'waiting', step: 'confirm' });
    bench.certificates.onVersion = () => undefined;
    await bench.certificates.make(CERTIFICATE, CERTIFICATE_TAGS, {
      names: ['www.example'],
      valid: { from: days(0), until: days(120) },
    });
    await bench.live(HOUR);
    expect(bench.certificateRun).toMatchObject({
      state: 'blocked',
      blocked: { problems: [{ path: 'certificate.names' }] },
    });
  });
});

describe('a new version that is worse than the one before', () => {
  it.each([
    ['a name', { names: ['www.example'] }, 'certificate.names', 'api.example'],
    ['time', { valid: { from: days(-1), until: days(19) } }, 'certificate.notAfter', 'no later'],
    ['its kind of key', { keyType: 'RSA' as const }, 'certificate.key', 'is RSA'],
  ])('lacks %s: nobody is told by us, and a person decides', async (_, next, path, message) => {
    const bench = await CertificateBench.open();
    bench.certificates.next = next;
    await bench.deliver(bench.about());
    const { state, blocked } = bench.certificateRun;
    expect({ state, code: blocked?.code, problem: blocked?.problems?.[0] }).toEqual({
      state: 'blocked',
      code: 'CONFIG_INVALID',
      problem: { path, message: containing(message) },
    });
    bench.certificates.next = { names: NAMES };
    await createRunbook(bench.engine).start(ASK, 'me');
    await bench.live(HOUR);
    expect(bench.made).toBe(2);
    expect(bench.certificateRun).toMatchObject({ state: 'done', to: { version: bench.newest.version } });
  });

  it('is taken as it is with force', async () => {
    const bench = await CertificateBench.open();
    bench.certificates.next = { names: ['www.example'] };
    await bench.deliver(bench.about());
    await createRunbook(bench.engine).start({ ...ASK, force: true }, 'me');
    await bench.live(HOUR);
    expect(bench.made).toBe(1);
    expect(bench.certificateRun.state).toBe('done');
    expect(bench.certificateRun.steps).toContainEqual(
      expect.objectContaining({ detail: containing('taken as it is') }),
    );
  });

  it('may name more with a wildcard', async () => {
    const bench = await CertificateBench.open();
    bench.certificates.next = { names: ['*.example'] };
    expect(await bench.deliver(bench.about())).toMatchObject({ outcome: 'rotated' });
  });

  it('has no key that its consumers could be given', async () => {
    const bench = await CertificateBench.open();
    bench.consumers.put('gateway', { version: bench.newest.version });
    await handlePropagate(bench.engine, { object: CERTIFICATE, version: bench.newest.version });
    bench.certificates.policyNow = { ...bench.certificates.policyNow, exportable: false };
    await bench.deliver(bench.about());
    expect(bench.certificateRun.blocked?.problems).toEqual([
      { path: 'policy.key_props.exportable', message: containing('gateway') },
    ]);
  });

  it('has the key that was reported: it is not even asked for where the policy keeps it', async () => {
    const bench = await CertificateBench.open();
    bench.certificates.policyNow = { ...bench.certificates.policyNow, reuseKey: true };
    await createRunbook(bench.engine).start({ ...ASK, reason: 'compromised' }, 'me');
    await bench.drain();
    expect(bench.calls.count('certificates.renew')).toBe(0);
    expect(bench.certificateRun.blocked?.problems).toMatchObject([{ path: 'policy.key_props.reuse_key' }]);
  });
});

describe('an expired certificate', () => {
  it('is an incident, told once for its version, and renewed at once', async () => {
    const bench = await CertificateBench.open();
    bench.certificates.policyNow = { ...bench.certificates.policyNow, renews: { daysBeforeExpiry: 10 } };
    bench.clock.advance(21 * DAY);
    await bench.deliver(bench.about('expired'));
    expect(bench.made).toBe(1);
    expect(bench.notices.told).toMatchObject([
      { kind: 'certificate-expired', severity: 'incident', message: containing('expired at') },
    ]);
  });

  it('is an incident also where nobody renews it, or people cannot be told', async () => {
    const bench = await CertificateBench.open({}, {});
    bench.clock.advance(21 * DAY);
    bench.calls.fail('notices.tell', error('UNAVAILABLE'));
    expect(await bench.deliver(bench.about('expired'))).toMatchObject({ outcome: 'refused', reason: 'NotManaged' });
    expect(bench.logged.join()).toContain('people could not be told');
  });
});

describe('a certificate without tags', () => {
  it('is reported where nobody renews it, with what to run', async () => {
    const bench = await CertificateBench.open({}, {});
    expect(await bench.deliver(bench.about())).toMatchObject({
      reason: 'NotManaged',
      detail: containing('no lifetime action AutoRenew'),
    });
    expect(bench.made).toBe(0);
    expect(bench.notices.told).toMatchObject([
      {
        kind: 'action-needed',
        remedy: containing('az keyvault certificate set-attributes --vault-name kv --name web'),
      },
    ]);
  });

  it('is nobody’s business where the vault renews it', async () => {
    const bench = await CertificateBench.open({}, {});
    bench.certificates.policyNow = { ...bench.certificates.policyNow, renews: { atPercentage: 90 } };
    expect(await bench.deliver(bench.about())).toMatchObject({ detail: containing('the vault renews it') });
    expect(bench.notices.told).toEqual([]);
  });

  it('cannot be asked for by hand', async () => {
    const bench = await CertificateBench.open({}, {});
    const answer = await createRunbook(bench.engine).start(ASK, 'me');
    expect(answer).toMatchObject({ status: 400, body: { remedy: containing('Rotator=vault-certificate') } });
  });
});

describe('a version that somebody else has made', () => {
  it('gets the tags that it has lost, is verified, and its consumers are waited for', async () => {
    const bench = await CertificateBench.open();
    bench.consumers.put('gateway', { version: bench.newest.version });
    await bench.certificates.make(CERTIFICATE, {});
    await bench.live(HOUR);
    expect(bench.newest.tags).toEqual(CERTIFICATE_TAGS);
    expect(bench.certificateRun).toMatchObject({ reason: 'NewVersion', state: 'done' });
    expect(bench.announced.map(({ type }) => type)).toContain('Keyturn.CertificateVersionCreated');
    expect(bench.made).toBe(1);
  });

  it('is named where it is worse, and may be taken as it is', async () => {
    const bench = await CertificateBench.open();
    await bench.certificates.make(CERTIFICATE, CERTIFICATE_TAGS, { names: ['www.example'] });
    await bench.live(MINUTE);
    expect(bench.certificateRun).toMatchObject({ state: 'blocked', step: 'test', blocked: { code: 'CONFIG_INVALID' } });
    await createRunbook(bench.engine).start({ ...ASK, force: true }, 'me');
    await bench.live(HOUR);
    expect(bench.certificateRun.state).toBe('done');
  });

  it('of a certificate without tags is announced, and no run is made for it', async () => {
    const bench = await CertificateBench.open({}, {});
    await bench.certificates.make(CERTIFICATE, {});
    await bench.live(HOUR);
    expect(bench.announced).toHaveLength(1);
    expect(bench.journal.ledger.size).toBe(0);
  });
});

describe('the runbook', () => {
  it('tells in a dry run who renews it, when, and what would be called', async () => {
    const bench = await CertificateBench.open();
    bench.certificates.policyNow = { ...bench.certificates.policyNow, issuer: 'Unknown' };
    const answer = await createRunbook(bench.engine).start({ ...ASK, dryRun: true }, 'me');
    expect(answer).toMatchObject({
      status: 200,
      body: {
        due: true,
        issuer: 'Unknown',
        vaultWillNot: containing('a person'),
        from: { version: bench.newest.version },
        calls: [containing('/certificates/web/create'), containing('merge'), containing('consumers')],
        blockedBy: [],
      },
    });
    expect(bench.made).toBe(0);
  });

  it('shows it in the inventory, and not the secret behind it', async () => {
    const bench = await CertificateBench.open();
    bench.seed({
      object: { kind: 'secret', vault: CERTIFICATE.vault, name: 'web' },
      tags: CERTIFICATE_TAGS,
      managed: true,
    });
    const { body } = await createRunbook(bench.engine).inventory({ vault: 'kv' });
    expect(body).toMatchObject({
      objects: [{ object: CERTIFICATE, rotator: 'vault-certificate', due: true }],
      problems: [],
    });
  });

  it('cancels it while it waits, and leaves the vault’s operation to the vault', async () => {
    const bench = await CertificateBench.open();
    bench.certificates.operationMs = HOUR;
    await bench.deliver(bench.about());
    const { rotationId } = bench.certificateRun;
    expect(await createRunbook(bench.engine).cancel(rotationId, 'me')).toMatchObject({ status: 200 });
    await bench.live(MINUTE);
    expect(bench.certificateRun.state).toBe('cancelled');
  });
});
