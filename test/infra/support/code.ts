/** What the code says of itself, asked of the code: settings by reading them, functions by registering them, events by sending them. */
import { EXPECTED_FUNCTIONS } from '../../../build/functions.ts';
import { Core, installCore } from '../../../sandbox/host/core.ts';
import { readSettings, SETTING_NAMES } from '../../../src/config/settings.ts';
import { HANDLED_EVENT_TYPES, takeEvents } from '../../../src/intake.ts';
import { SERVICE_SUFFIXES } from '../../../src/rotators/arm-key/rows.ts';
import { PROPAGATION_QUEUE, ROTATION_QUEUE } from '../../../src/state/queues.ts';
import { VAULT_EVENT_TYPES } from '../../../src/vault/events.ts';
import { Bench, VAULT } from '../../support/memory/bench.ts';
import type { Code } from './checks/app.ts';

/** The platform's own, which the code's settings stand beside. */
const LEFT_OUT: Code['leftOut'] = {
  KeyturnStorage: 'a connection string has a key in it; the templates give addresses and an identity',
  KeyturnStorage__accountName: 'its addresses would be those of the public cloud; the templates give both addresses',
};

/** @throws where settings that the code requires are not those that are given here */
function settingsRead(): readonly string[] {
  const read = new Set<string>(SETTING_NAMES);
  const given: Readonly<Record<string, string>> = {
    KEYTURN_VAULTS: 'https://kv.vault.azure.net',
    KeyturnStorage__accountName: 'st',
  };
  const env = new Proxy(given, {
    get(target, name) {
      if (typeof name === 'string') read.add(name);
      return Reflect.get(target, name) as string | undefined;
    },
  });
  readSettings(env, SERVICE_SUFFIXES);
  return [...read];
}

async function queuesOf(core: Core): Promise<readonly string[]> {
  installCore(core);
  await import('../../../src/functions/index.ts');
  const bindings = [...core.functions.values()].map(({ trigger }) => trigger);
  const read = bindings.flatMap(({ queueName }) => (typeof queueName === 'string' ? [queueName] : []));
  return [...new Set([...read, ROTATION_QUEUE, PROPAGATION_QUEUE])];
}

/** The events that something is done about: a message is sent, or is meant to be. */
async function eventsHeard(): Promise<readonly string[]> {
  const heard: string[] = [];
  for (const type of VAULT_EVENT_TYPES) {
    const bench = new Bench();
    const [, kind = 'secret'] = /\.(Secret|Key|Certificate)[NE]/.exec(type) ?? [];
    const data = { Id: `${VAULT}/${kind.toLowerCase()}s/db/0123456789abcdef0123456789abcdef` };
    await takeEvents(bench.engine, { id: 'e1', eventType: type, data }, 'd1');
    if (bench.queue.take() !== undefined) heard.push(type);
  }
  return [...new Set([...heard, ...HANDLED_EVENT_TYPES])];
}

export async function readCode(): Promise<Code> {
  const { table } = readSettings({ KEYTURN_VAULTS: 'https://kv.vault.azure.net', KeyturnStorage__accountName: 'st' });
  return {
    settings: settingsRead(),
    leftOut: LEFT_OUT,
    functions: EXPECTED_FUNCTIONS,
    queues: await queuesOf(new Core(() => undefined)),
    tables: [table],
    eventTypes: await eventsHeard(),
  };
}
