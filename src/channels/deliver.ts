import { createHash } from 'node:crypto';
import { send, type HttpsAnswer } from '../https/client.ts';
import { isSigningKey, signature } from '../https/sign.ts';
import type { Call, Clock, ObjectRef, SecretValue } from '../rotation/ports.ts';
import { addressIn } from './address.ts';
import type { Channel, Format } from './channel.ts';
import { slackBody } from './formats/slack.ts';
import { teamsBody } from './formats/teams.ts';
import { webhookBody } from './formats/webhook.ts';
import { asChannels, hostRefused, noAddress, refusal, telling } from './refusals.ts';
import type { Said } from './said.ts';

export interface DeliverDeps {
  /** May this `host` or `host:port` be reached? */
  readonly allows: (host: string) => boolean;
  /** The current value of a secret. @throws what `VaultPort.current` throws */
  readonly secret: (secret: ObjectRef, call: Call) => Promise<SecretValue>;
  /** The key's current version, and while its overlap lasts the one before. @throws the same */
  readonly signingKeys: (secret: ObjectRef, call: Call) => Promise<readonly SecretValue[]>;
  readonly clock: Clock;
}

const BODIES: { readonly [F in Format]: (said: Said) => string } = {
  webhook: webhookBody,
  teams: teamsBody,
  slack: slackBody,
};

/** A receiver acknowledges, and works later; others wait behind one that does not. */
const ANSWER_MS = 15_000;

/**
 * One POST to the channel, never repeated. A webhook's is signed.
 * @param id the same on every repeat, so that a receiver can tell them
 * @returns the status of the success that it was answered with
 * @throws RotationError, never TARGET_NOT_FOUND; its effect is `unknown` only if an answer was lost or is a 5xx
 */
export async function deliver(
  deps: DeliverDeps,
  channel: Channel,
  said: Said,
  id: string,
  call: Call,
): Promise<number> {
  try {
    const url = await addressOf(deps, channel, call);
    const body = BODIES[channel.format](said);
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'keyturn',
      ...(await signed(deps, channel, { id, body }, call)),
    };
    const doing = { what: telling(channel), writes: true, setting: `KEYTURN_CHANNELS["${channel.name}"]` };
    const { allowPrivate } = channel;
    const answer = await within(deps.clock, call, (bounded) =>
      send({ method: 'POST', url, headers, body, allowPrivate }, doing, bounded),
    );
    if (answer.status < 200 || answer.status > 299) throw refusal(channel, answer, call);
    return answer.status;
  } catch (error) {
    throw asChannels(error, channel);
  }
}

/** What tells a receiver that it has this already. It says nothing of what it was made from. */
export function deliveryId(...parts: readonly string[]): string {
  return `msg_${createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)}`;
}

/** The address is checked each time: whoever may write the secret must not be able to send this elsewhere. */
async function addressOf(deps: DeliverDeps, channel: Channel, call: Call): Promise<URL> {
  const { address } = channel;
  const url = 'url' in address ? new URL(address.url) : addressIn(await deps.secret(address.secret, call));
  if (url === undefined) throw noAddress(channel);
  if (!deps.allows(url.host)) throw hostRefused(channel, url.host);
  return url;
}

async function signed(
  deps: DeliverDeps,
  { signingKey }: Channel,
  { id, body }: { readonly id: string; readonly body: string },
  call: Call,
): Promise<Readonly<Record<string, string>>> {
  if (signingKey === undefined) return {};
  const [current, ...before] = await deps.signingKeys(signingKey, call);
  const timestamp = Math.floor(call.now().getTime() / 1000);
  // What was there before the key, a placeholder perhaps, is no key to sign with.
  const keys = [...(current === undefined ? [] : [current]), ...before.filter(isSigningKey)];
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': keys.map((key) => signature(key, { id, timestamp, body })).join(' '),
  };
}

async function within(clock: Clock, call: Call, work: (call: Call) => Promise<HttpsAnswer>): Promise<HttpsAnswer> {
  const over = new AbortController();
  const cancel = clock.after(ANSWER_MS, () => over.abort());
  try {
    return await work({ ...call, signal: AbortSignal.any([call.signal, over.signal]) });
  } finally {
    cancel();
  }
}
