import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReceiverFormat } from '../../sandbox/receiver/receiver.ts';
import { channelConsumers, withChannels } from '../../src/channels/consumer.ts';
import { bring } from '../../src/rotation/adoption/bring.ts';
import { found } from '../../src/rotation/adoption/machine.ts';
import { isSettled, type Standing } from '../../src/rotation/adoption/record.ts';
import type { Consumer, Reference, VersionRef } from '../../src/rotation/ports.ts';
import { startChannelStage, type ChannelStage } from '../support/channel-stage.ts';
import { Killed, Life, type Kill } from './killer.ts';

/* A version is told over the wire, and the process dies at each of its calls: the receiver counts it once, and the row says so. */

let stage: ChannelStage;
beforeAll(async () => {
  stage = await startChannelStage();
});
afterAll(() => stage.stop());

const VERSION: VersionRef = {
  object: { kind: 'secret', vault: 'https://kv.vault.azure.net', name: 'db' },
  version: 'v2',
};

async function reference(format: ReceiverFormat): Promise<Reference> {
  const nobody = { enabled: false, waitsFor: () => false, find: () => Promise.reject(new TypeError('unused')) };
  const { references } = await withChannels(nobody, stage.deps.channels).find(VERSION.object, stage.call());
  const one = references.find(({ kind }) => kind === format);
  if (one === undefined) throw new TypeError(`no ${format}`);
  return one;
}

function mortal(format: ReceiverFormat, life: Life): Consumer {
  const { secret, signingKeys } = life.wrap('vault', {
    secret: stage.deps.secret,
    signingKeys: stage.deps.signingKeys,
  });
  const deps = { ...stage.deps, secret, signingKeys };
  const adapter = channelConsumers(deps).find(({ kind }) => kind === format);
  if (adapter === undefined) throw new TypeError(`no ${format}`);
  return life.wrap('channel', adapter);
}

async function delivered(adapter: Consumer, standing: Standing): Promise<Standing> {
  try {
    return await bring(
      {
        ...{ adapter, version: VERSION, random: () => 0, isOver: () => false, takeParent: () => Promise.resolve(true) },
        ask: (_what, work) => work(stage.call()),
        now: () => stage.ctx.clock.now(),
        tell: ({ code, message }) => ({ code, message }),
      },
      standing,
    );
  } catch (error) {
    // Nothing of this delivery was kept.
    if (error instanceof Killed) return standing;
    throw error;
  }
}

/** @returns how many calls the first life made */
async function liveThrough(format: ReceiverFormat, kill?: Kill): Promise<number> {
  stage.receiver.clear();
  const first = new Life(kill === undefined ? {} : { kill }, () => Promise.resolve());
  let standing = found(await reference(format), undefined, stage.ctx.clock.now());
  standing = await delivered(mortal(format, first), standing);
  for (let n = 0; n < 5 && !isSettled(standing); n += 1) {
    standing = await delivered(mortal(format, new Life({}, () => Promise.resolve())), standing);
  }
  expect({ kill, state: standing.state, proof: standing.proof?.kind }).toEqual({
    kill,
    state: 'verified',
    proof: 'delivered',
  });
  const ids = new Set(stage.receiver.received.map(({ id }) => id));
  // A chat has no id to tell two messages by: it may see the one twice whose delivery was not written down.
  expect(ids.size).toBeLessThanOrEqual(format === 'webhook' ? 1 : 2);
  expect(ids.size).toBeGreaterThanOrEqual(1);
  return first.calls.length;
}

describe.each(['webhook', 'teams', 'slack'] as const)('a new version, told to %s', (format) => {
  it('is told and written down wherever the process is killed', async () => {
    const calls = await liveThrough(format);
    for (let at = 1; at <= calls; at += 1) {
      for (const when of ['before', 'after'] as const) await liveThrough(format, { at, when });
    }
    console.info(`crash suite ${format}: killed before and after ${calls} calls, everybody ends with the version`);
    expect(calls).toBeGreaterThanOrEqual(3);
  });
});
