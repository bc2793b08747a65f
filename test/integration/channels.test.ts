/** The built app in the sandbox's host: channels are told of versions and notices, and what they do not take is not lost unseen. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Host } from '../../sandbox/host/host.ts';
import { channelsSetting } from '../../sandbox/receiver/setting.ts';
import type { Received } from '../../sandbox/receiver/receiver.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import { startBuiltApp, type BuiltApp } from '../support/built-app.ts';
import { DAY, OVERLAP_MS } from '../support/managed.ts';
import { blocked, rotated, Runbook } from '../support/runbook.ts';
import { until } from '../support/until.ts';

let app: BuiltApp;
let sandbox: Sandbox;
let host: Host;
const runbook = new Runbook(() => host);

beforeAll(async () => {
  app = await startBuiltApp({ parts: ['identity', 'eventgrid', 'topic', 'azurite', 'arm', 'blob', 'receiver'] });
  ({ sandbox } = app);
  host = await app.startHost({ KEYTURN_CHANNELS: channelsSetting(sandbox) });
  await sandbox.subscribe(host, { duplicates: 2, disorder: true });
});

afterAll(async () => {
  await sandbox.stop();
  const written = [host.output(), ...runbook.answers, JSON.stringify(sandbox.ctx.traffic.entries)].join('\n');
  const token = new URL(sandbox.receiver.url('slack')).pathname.slice('/slack/'.length);
  for (const secret of [token, ...sandbox.receiver.keys]) expect(written).not.toContain(secret);
});

const told = (format: Received['format'], text: string): readonly Received[] =>
  sandbox.receiver.received.filter((one) => one.format === format && one.raw.includes(text));

/** Moves the clock on while the app waits: of two deliveries of one event the second is put back. */
const everybody = (text: string, formats: readonly Received['format'][]): Promise<true> =>
  until(
    `what all are told: ${text}`,
    async () => {
      if (formats.every((format) => told(format, text).length > 0)) return true;
      sandbox.ctx.clock.advance(5_000);
      return undefined;
    },
    { everyMs: 200 },
  );

test('a new version is told to every channel, where no subscription is named; the old credential waits for the webhook', async () => {
  const { id } = sandbox.arm.createAccount('told');
  sandbox.vault.seed('kv', 'files-key', {
    value: sandbox.arm.keys('told').key1,
    expiresInMs: 200 * DAY,
    tags: { CredentialId: 'key1', ProviderAddress: id },
  });
  await runbook.start('files-key');
  await runbook.newest('files-key', rotated);
  const version = sandbox.vault.peek('kv', 'files-key').at(-1)?.id ?? '';
  await everybody(version, ['webhook', 'teams', 'slack']);
  expect(told('webhook', version).map(({ body }) => body)).toMatchObject([
    {
      type: 'keyturn.version.created',
      data: { vault: sandbox.vault.url('kv'), name: 'files-key', kind: 'secret', version },
    },
  ]);
  const { json } = await until('the row of its consumers', async () => {
    const reply = await runbook.ask('GET', 'consumers?vault=kv&name=files-key');
    if (reply.text.includes('"verified"')) return reply;
    sandbox.ctx.clock.advance(5_000);
    return undefined;
  });
  expect(json).toMatchObject({
    version,
    consumers: [
      { id: 'channels/sandbox-webhook', state: 'verified', advisory: false, proof: { kind: 'delivered' } },
      { id: 'channels/sandbox-teams', advisory: true },
      { id: 'channels/sandbox-slack', advisory: true },
    ],
  });
  sandbox.ctx.clock.advance(OVERLAP_MS + 3600_000);
  await runbook.retirement('files-key', sandbox.ctx.clock);
});

test('a rotation that is blocked is told to every channel; what one does not take becomes a note', async () => {
  const { id } = sandbox.arm.createAccount('gone');
  sandbox.vault.seed('kv', 'stuck', {
    value: 'a-value-of-no-account',
    expiresInMs: 200 * DAY,
    tags: { CredentialId: 'key1', ProviderAddress: id.replace('/gone', '/nowhere') },
  });
  sandbox.ctx.faults.add({
    system: 'channels',
    match: '^POST slack',
    action: { status: 410, body: 'channel_is_archived' },
  });
  await runbook.start('stuck');
  const run = await runbook.newest('stuck', blocked);
  // In no order: each channel has a message of its own.
  await everybody(run.rotationId, ['webhook', 'teams']);
  expect(told('webhook', run.rotationId)).toMatchObject([
    { body: { type: 'keyturn.notice', data: { notice: 'rotation-blocked', severity: 'warning', name: 'stuck' } } },
  ]);
  await until(
    'the note of what was given up',
    async () => {
      sandbox.ctx.clock.advance(31_000);
      return (
        (await app.rows()).some((row) => row['kind'] === 'poisoned' && /notices/.test(String(row['message']))) ||
        undefined
      );
    },
    { everyMs: 300 },
  );
  const failures = host.invocations.filter(({ functionName, succeeded }) => functionName === 'notify' && !succeeded);
  expect(failures.length).toBeGreaterThanOrEqual(8);
  expect(failures[0]?.error).toContain(
    'telling the channel sandbox-slack (slack) was answered 410 channel_is_archived',
  );
});
