import type { Sandbox } from '../sandbox.ts';
import type { ReceiverFormat } from './receiver.ts';

/** Secrets of the first vault: the key that the receiver checks with, and the addresses of the chats. */
const KEY = 'receiver-key';

/**
 * Puts the receiver's key and addresses into the vault.
 * @returns the setting KEYTURN_CHANNELS with a channel of each format; the webhook must adopt unless `advisory`
 */
export function channelsSetting({ vault, receiver }: Sandbox, { advisory = false } = {}): string {
  const [name = ''] = vault.names;
  const put = (secret: string, value: string): string => {
    vault.seed(name, secret, { value });
    return `${vault.url(name)}/secrets/${secret}`;
  };
  const chat = (format: ReceiverFormat): object => ({
    ...{ name: `sandbox-${format}`, format, allowPrivate: true },
    urlSecret: put(`${format}-address`, receiver.url(format)),
  });
  const webhook = {
    ...{ name: 'sandbox-webhook', format: 'webhook', url: receiver.url('webhook'), allowPrivate: true, advisory },
    signingKey: put(KEY, receiver.keys[0] ?? ''),
  };
  return JSON.stringify([webhook, chat('teams'), chat('slack')]);
}
