import { retryAfterMs, shownCode } from '../https/answer.ts';
import type { HttpsAnswer } from '../https/client.ts';
import { meaningOf, outcomeOf, type Meaning } from '../https/failures.ts';
import { RotationError } from '../rotation/errors.ts';
import type { Call, ObjectRef } from '../rotation/ports.ts';
import type { Channel } from './channel.ts';

/* What goes wrong with a channel. Its address is in none of this: at most the host. */

/** @throws nothing: the receiver's answer, which is no success, as an error */
export function refusal(channel: Channel, answer: HttpsAnswer, call: Call): RotationError {
  const meaning = meaningOf(answer.status);
  // Slack says in a word what is wrong; of other texts nothing is shown.
  const word = channel.format === 'slack' ? shownCode(answer.text.trim()) : undefined;
  const wait = retryAfterMs(answer.headers['retry-after'], call.now());
  return new RotationError({
    ...outcomeOf(meaning, true),
    // A channel is gone when the settings do not name it any more, not when nobody listens: what must adopt would be taken for gone.
    ...(meaning === 'absent' ? { code: 'CONFIG_INVALID', effect: 'none' } : {}),
    message: `${telling(channel)} was answered ${answer.status}${word === undefined ? '' : ` ${word}`}`,
    remedy: remedyOf(channel, meaning),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  });
}

/**
 * What kept the request from being sent, or from being answered, in the words of the channel. A secret that is not there is a setting
 * that is wrong, and not a channel that is gone.
 */
export function asChannels(error: unknown, channel: Channel): unknown {
  if (!(error instanceof RotationError)) return error;
  const { code, recovery, effect, message, retryAfterMs: wait, remedy = remedyOf(channel, 'timed-out') } = error;
  return new RotationError({
    code: code === 'TARGET_NOT_FOUND' ? 'CONFIG_INVALID' : code,
    ...{ recovery, effect, remedy },
    message: message.startsWith(telling(channel)) ? message : `${telling(channel)}: ${message}`,
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  });
}

export function telling({ name, format }: Pick<Channel, 'name' | 'format'>): string {
  return `telling the channel ${name} (${format})`;
}

/** The vault holds something else than the channel's address. */
export function noAddress(channel: Channel): RotationError {
  return new RotationError({
    code: 'CONFIG_INVALID',
    recovery: 'reconfigure',
    message: `${telling(channel)}: the secret that urlSecret names holds no https address without user and fragment`,
    remedy: `Put the address that was made for it ${placeOf(channel)}`,
  });
}

export function hostRefused(channel: Channel, host: string): RotationError {
  return new RotationError({
    code: 'CONFIG_INVALID',
    recovery: 'reconfigure',
    message: `${telling(channel)}: its host ${host} is none that the settings allow`,
    remedy: `If it is the right one, add it: az functionapp config appsettings set --name <app> --resource-group <group> --settings KEYTURN_ALLOWED_HOSTS="<those before> ${host}". If it is not, find out who wrote the secret.`,
  });
}

/** The settings do not name the channel any more, or not for this object. */
export function channelGone(id: string): RotationError {
  return new RotationError({
    code: 'TARGET_NOT_FOUND',
    recovery: 'reconfigure',
    message: `${id} is not to be told of this object any more: KEYTURN_CHANNELS does not say so`,
    remedy: 'Nothing, if that was meant.',
  });
}

const AGAIN = 'Then POST /api/propagations for the object tells it of the version once more.';

function remedyOf(channel: Channel, meaning: Meaning): string {
  switch (meaning) {
    case 'refused-login':
    case 'denied':
      return channel.signingKey === undefined
        ? `Its address is not accepted any more: make a new one, and put it ${placeOf(channel)}. ${AGAIN}`
        : `Give the receiver the key in ${channel.signingKey.vault}/secrets/${channel.signingKey.name}, and compare the clocks (date -u). ${AGAIN}`;
    case 'absent':
      return `Nobody listens at its address any more: put the new one ${placeOf(channel)}, or take ${channel.name} out of KEYTURN_CHANNELS. ${AGAIN}`;
    case 'redirect':
    case 'see-other':
      return `Redirects are not followed: put the address that it answers with ${placeOf(channel)}. ${AGAIN}`;
    case 'invalid':
      return `Look at what the receiver takes (docs/notifications.md says what it is sent). ${AGAIN}`;
    case 'throttled':
    case 'unavailable':
    case 'timed-out':
    case 'conflict':
    case 'unexpected':
      return `Mend the receiver, whose log says more; if it need not have every version, write "advisory": true. ${AGAIN}`;
  }
}

function placeOf({ address, name }: Channel): string {
  return 'secret' in address ? `into the vault: ${storing(address.secret)}` : `into KEYTURN_CHANNELS["${name}"].url`;
}

function storing({ vault, name }: ObjectRef): string {
  return `az keyvault secret set --vault-name ${new URL(vault).hostname.split('.')[0] ?? ''} --name ${name} --value "<address>"`;
}
