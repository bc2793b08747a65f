import { describe, expect, it, test } from 'vitest';
import { subscribes, type Channel } from '../../src/channels/channel.ts';
import { channelConsumers, withChannels, type ChannelDeps } from '../../src/channels/consumer.ts';
import { deliveryId } from '../../src/channels/deliver.ts';
import { slackBody } from '../../src/channels/formats/slack.ts';
import { teamsBody } from '../../src/channels/formats/teams.ts';
import { webhookBody } from '../../src/channels/formats/webhook.ts';
import { createNotices } from '../../src/channels/notices.ts';
import { noticeSaid, versionSaid } from '../../src/channels/said.ts';
import { checkCard, checkMessage } from '../../sandbox/receiver/chats.ts';
import { readSettings, type ChannelSetting } from '../../src/config/settings.ts';
import { RotationError } from '../../src/rotation/errors.ts';
import type {
  Call,
  Discovery,
  Notice,
  NoticeMessage,
  Reference,
  ServedCertificate,
  VersionRef,
} from '../../src/rotation/ports.ts';
import { decodeNoticeMessage } from '../../src/state/messages.ts';
import { FixedClock, NOW } from '../support/memory/clock.ts';

const KV = 'https://kv.vault.azure.net';
const OBJECT = { kind: 'secret', vault: KV, name: 'orders-db' } as const;
const VERSION: VersionRef = { object: OBJECT, version: 'v2' };
const NOTICE: Notice = {
  ...{ id: 'r1.blocked', kind: 'rotation-blocked', severity: 'warning', object: OBJECT, version: 'v1' },
  ...{ message: 'the grant is gone', remedy: 'az role assignment create', at: NOW },
};
const HOOK: Channel = {
  ...{ name: 'inventory', format: 'webhook', address: { url: 'https://hooks.example.com/x' }, objects: ['*'] },
  ...{ events: ['versions', 'notices'], advisory: false, allowPrivate: false },
};
const call: Call = { signal: new AbortController().signal, now: () => NOW };

describe('KEYTURN_CHANNELS', () => {
  const read = (channels: unknown): readonly ChannelSetting[] =>
    readSettings({
      KEYTURN_VAULTS: KV,
      KEYTURN_ALLOWED_HOSTS: 'hooks.example.com',
      KeyturnStorage: 'UseDevelopmentStorage=true',
      KEYTURN_CHANNELS: typeof channels === 'string' ? channels : JSON.stringify(channels),
    }).channels;
  const problemsOf = (channels: unknown): readonly string[] => {
    try {
      read(channels);
    } catch (error) {
      if (!(error instanceof RotationError)) throw error;
      return error.problems.map(({ path, message }) => `${path.replace('settings.KEYTURN_CHANNELS', '')}: ${message}`);
    }
    return [];
  };
  const hook = {
    name: 'hook',
    format: 'webhook',
    url: 'https://hooks.example.com/x?a=b',
    signingKey: `${KV}/secrets/Key`,
  };
  const chat = { name: 'ops', format: 'slack', urlSecret: `${KV}/secrets/address` };

  test('names webhooks and chats, with the secrets that belong to them', () => {
    expect(read([hook, { ...chat, objects: ['Orders-*'], events: ['notices'] }])).toEqual([
      {
        ...{
          name: 'hook',
          format: 'webhook',
          address: { url: hook.url },
          objects: ['*'],
          events: ['versions', 'notices'],
        },
        ...{ advisory: false, allowPrivate: false, signingKey: { kind: 'secret', vault: KV, name: 'key' } },
      },
      {
        ...{ name: 'ops', format: 'slack', address: { secret: { kind: 'secret', vault: KV, name: 'address' } } },
        ...{ objects: ['orders-*'], events: ['notices'], advisory: true, allowPrivate: false },
      },
    ]);
    expect(read([{ ...hook, advisory: true }])[0]?.advisory).toBe(true);
    expect(read('')).toEqual([]);
  });

  test('is refused with every problem at once, and without repeating an address', () => {
    const problems = problemsOf([
      7,
      { format: 'slack' },
      { ...hook, name: 'a b', format: 'pager' },
      { name: 'http', format: 'webhook', url: 'http://hooks.example.com/CANARY', advisory: 'no', sigingKey: '' },
      { ...hook, name: 'far', url: 'https://elsewhere.example/CANARY', allowPrivate: 1 },
      { ...hook, name: 'both', urlSecret: 'https://other.vault.azure.net/secrets/a' },
      { name: 'chat', format: 'teams', url: 'https://hooks.example.com/CANARY', signingKey: 'x', advisory: false },
      { ...chat, objects: ['a b', 7, 'ok-*'], events: ['versoins'] },
      { ...chat, objects: [], events: 'all' },
    ]);
    expect(problems.map((one) => one.replace(/:.*/, ''))).toEqual([
      ...['[0]', '[1]', '["a b"]', '["a b"].format', '["http"].sigingKey', '["http"].url', '["http"].signingKey'],
      ...['["http"].advisory', '["far"].url', '["far"].allowPrivate', '["both"].url', '["both"].urlSecret'],
      ...['["chat"].urlSecret', '["chat"].signingKey', '["chat"].advisory', '["ops"].objects[0]', '["ops"].objects[1]'],
      ...['["ops"].events[0]', '["ops"]', '["ops"].objects', '["ops"].events'],
    ]);
    expect(problems.join()).not.toContain('CANARY');
    expect(problems.join('\n')).toContain('did you mean signingKey?');
    expect(problems.join('\n')).toContain('elsewhere.example is not in KEYTURN_ALLOWED_HOSTS');
    expect(problemsOf('{"a":1}')).toEqual([': is not a JSON array']);
    expect(problemsOf('[CANARY')).toEqual([': is not JSON']);
  });
});

describe('a pattern of objects', () => {
  it.each([
    ['*', true],
    ['orders-db', true],
    ['orders-*', true],
    ['*-db', true],
    ['o*r*s-*b', true],
    ['orders-db*', true],
    ['kv/*', true],
    ['k*/orders-*', true],
    ['orders', false],
    ['orders-*-db', false],
    ['other/*', false],
    ['orders-d*db', false],
    ['*b*b', false],
  ])('%s fits kv/orders-db: %s', (pattern, isSo) => {
    expect(subscribes({ ...HOOK, objects: [pattern] }, 'versions', { vault: KV, name: 'Orders-DB' })).toBe(isSo);
  });

  it('counts only for what the channel takes', () => {
    expect(subscribes({ ...HOOK, events: ['notices'] }, 'versions', OBJECT)).toBe(false);
  });
});

describe('what is told', () => {
  const certificate: ServedCertificate = {
    ...{ sha256: 'AA', sha1: 'BB', names: [], notAfter: NOW, keyType: 'RSA', exportable: true, contentType: '' },
  };
  const versions = [versionSaid(VERSION, NOW), versionSaid({ ...VERSION, certificate }, NOW)];
  /** Long, hostile, and growing with every escape. */
  const flood = `<!channel> & [link](https://evil.example) {{DATE(2017)}} *_\`\\ ${'<&>"\n\u{1F511}\u0001'.repeat(9_000)}`;
  const flooded = noticeSaid({ ...NOTICE, message: flood, remedy: flood });

  it('is JSON with type, time and data for a webhook', () => {
    expect(JSON.parse(webhookBody(versions[1] ?? flooded))).toEqual({
      type: 'keyturn.version.created',
      timestamp: NOW.toISOString(),
      data: {
        vault: KV,
        name: 'orders-db',
        kind: 'secret',
        version: 'v2',
        thumbprint: 'BB',
        notAfter: NOW.toISOString(),
      },
    });
    expect(JSON.parse(webhookBody(versions[0] ?? flooded))).toMatchObject({
      data: { vault: KV, name: 'orders-db', kind: 'secret', version: 'v2' },
    });
    expect(JSON.parse(webhookBody(noticeSaid(NOTICE)))).toEqual({
      type: 'keyturn.notice',
      timestamp: NOW.toISOString(),
      data: {
        ...{ id: 'r1.blocked', notice: 'rotation-blocked', severity: 'warning', vault: KV, name: 'orders-db' },
        ...{ kind: 'secret', version: 'v1', message: 'the grant is gone', remedy: 'az role assignment create' },
      },
    });
  });

  it.each([...versions, noticeSaid(NOTICE), flooded])('is taken by Teams and by Slack: $title', (said) => {
    const card = teamsBody(said);
    expect(() => checkCard(JSON.parse(card), Buffer.byteLength(card))).not.toThrow();
    expect(() => checkMessage(JSON.parse(slackBody(said)))).not.toThrow();
  });

  it('is nobody’s link, mention or function', () => {
    const card = teamsBody(flooded);
    expect(card).not.toContain('[link]');
    expect(card).not.toContain('{{');
    expect(slackBody(flooded)).toContain('&lt;!channel&gt;');
    expect(slackBody(flooded)).not.toMatch(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])/);
  });

  it('says in a card and in a message what it is about', () => {
    expect(JSON.parse(teamsBody(noticeSaid(NOTICE)))).toMatchObject({
      attachments: [
        {
          contentUrl: null,
          content: {
            body: [
              { type: 'TextBlock', text: 'Warning: rotation blocked: secret orders-db in kv' },
              {
                type: 'FactSet',
                facts: [{ title: 'What', value: 'the grant is gone' }, { title: 'What to do' }, {}, {}, {}, {}],
              },
            ],
          },
        },
      ],
    });
    expect(JSON.parse(slackBody(versions[0] ?? flooded))).toMatchObject({
      text: 'New version of the secret orders-db in kv',
      blocks: [
        { text: { text: '*New version of the secret orders-db in kv*' } },
        { text: { text: `Vault: ${KV}` } },
        { text: { text: 'Secret: orders-db' } },
        { text: { text: 'Version: v2' } },
      ],
    });
  });
});

describe('channels as consumers', () => {
  const deps = (channels: readonly Channel[]): ChannelDeps => ({
    channels,
    allows: () => true,
    secret: () => expect.fail('nothing is read'),
    signingKeys: () => expect.fail('nothing is read'),
    clock: new FixedClock(),
  });
  const chat: Channel = { ...HOOK, name: 'ops', format: 'slack', advisory: true, objects: ['orders-*'] };
  const nobody: Discovery = { enabled: false, waitsFor: () => false, find: () => expect.fail('nobody is looked for') };
  const other: Reference = { kind: 'site', id: '/site', parent: '/site', hosts: [] };
  const somebody: Discovery = {
    ...{ enabled: true, waitsFor: () => true },
    find: () => Promise.resolve({ references: [other], gaps: [{ where: 'x', message: 'y' }] }),
  };

  it('are found for every object that they take, also where no subscription is named', async () => {
    const discovery = withChannels(nobody, [HOOK, chat, { ...HOOK, name: 'quiet', events: ['notices'] }]);
    expect(discovery.enabled).toBe(true);
    const base = { hosts: [] };
    expect(await discovery.find(OBJECT, call)).toEqual({
      references: [
        {
          ...base,
          kind: 'webhook',
          id: 'channels/inventory',
          parent: `channels/inventory#${KV}/secrets/orders-db`,
          advisory: false,
        },
        { ...base, kind: 'slack', id: 'channels/ops', parent: `channels/ops#${KV}/secrets/orders-db`, advisory: true },
      ],
      gaps: [],
    });
    expect((await discovery.find({ ...OBJECT, name: 'web' }, call)).references).toHaveLength(1);
    expect(await withChannels(somebody, [HOOK]).find(OBJECT, call)).toMatchObject({
      references: [other, { kind: 'webhook' }],
      gaps: [{ where: 'x' }],
    });
  });

  it('are waited for only where one must adopt the object', () => {
    expect(withChannels(nobody, [HOOK]).waitsFor(OBJECT)).toBe(true);
    expect(withChannels(nobody, [{ ...HOOK, objects: ['web'] }, chat]).waitsFor(OBJECT)).toBe(false);
    expect(withChannels(somebody, [chat]).waitsFor(OBJECT)).toBe(true);
    expect(withChannels(nobody, [{ ...HOOK, events: ['notices'] }])).toMatchObject({ enabled: false });
  });

  it('are gone when the settings do not send the object there any more', async () => {
    const reference: Reference = { kind: 'webhook', id: 'channels/inventory', parent: '', hosts: [] };
    for (const channels of [[], [{ ...HOOK, objects: ['web'] }], [{ ...HOOK, format: 'slack' as const }]]) {
      const [webhook] = channelConsumers(deps(channels));
      const asked = Promise.resolve().then(() => webhook?.confirm(reference, VERSION, call));
      await expect(asked).rejects.toMatchObject({ code: 'TARGET_NOT_FOUND' });
      await expect(webhook?.refresh(reference, VERSION, undefined, call)).rejects.toMatchObject({
        code: 'TARGET_NOT_FOUND',
      });
    }
  });

  it('have an id of their own for each version, the same each time', () => {
    const ids = [deliveryId(KV, 'secret', 'db', 'v2', 'ops'), deliveryId(KV, 'secret', 'db', 'v2', 'inventory')];
    expect(ids[0]).toBe(deliveryId(KV, 'secret', 'db', 'v2', 'ops'));
    expect(
      new Set([...ids, deliveryId(KV, 'secret', 'db', 'v3', 'ops'), deliveryId(KV, 'secret', 'd', 'bv2', 'ops')]).size,
    ).toBe(4);
    expect(ids.join(' ')).toMatch(/^msg_[0-9a-f]{32} msg_[0-9a-f]{32}$/);
  });
});

describe('a notice', () => {
  it('is queued once for each channel that takes it, and is read from the queue as it was', async () => {
    const queued: NoticeMessage[] = [];
    const queue = { notify: (message: NoticeMessage) => Promise.resolve(void queued.push(message)) };
    const channels = [
      HOOK,
      { ...HOOK, name: 'web', objects: ['web'] },
      { ...HOOK, name: 'v', events: ['versions' as const] },
    ];
    await createNotices({ channels, queue, log: () => expect.fail('somebody is told') }).tell(
      { ...NOTICE, message: 'x'.repeat(90_000) },
      call,
    );
    expect(queued.map(({ channel }) => channel)).toEqual(['inventory']);
    const text = JSON.stringify(queued[0]);
    expect(Buffer.byteLength(text)).toBeLessThan(48_000);
    expect(decodeNoticeMessage(text)).toEqual(queued[0]);
    const bare = { channel: 'a', putBack: 3, notice: { ...NOTICE, version: undefined, remedy: undefined } };
    expect(decodeNoticeMessage(JSON.stringify(bare))).toMatchObject({
      putBack: 3,
      notice: { id: 'r1.blocked', at: NOW },
    });
  });

  it('that no channel takes is where people look until they have one: in the log', async () => {
    const logged: unknown[] = [];
    const queue = { notify: () => expect.fail('nobody is told') };
    const log = (...entry: readonly unknown[]): void => void logged.push(entry);
    await createNotices({ channels: [{ ...HOOK, events: ['versions'] }], queue, log }).tell(NOTICE, call);
    const { at: _at, ...shown } = NOTICE;
    expect(logged).toEqual([['error', 'people are to know', shown]]);
  });

  it.each([
    ['no notice', { channel: 'a' }, /no notice/],
    ['no channel', { notice: NOTICE }, /no channel/],
    ['a foreign kind', { channel: 'a', notice: { ...NOTICE, kind: 'x' } }, /kind or severity/],
    ['no time', { channel: 'a', notice: { ...NOTICE, at: 'noon' } }, /without a time/],
    ['no message', { channel: 'a', notice: { ...NOTICE, message: '' } }, /message/],
    ['a count that is none', { channel: 'a', notice: NOTICE, putBack: 'x' }, /putBack/],
  ])('with %s is refused by name', (_, input, message) => {
    expect(() => decodeNoticeMessage(JSON.stringify(input))).toThrow(message);
  });
});
