import type { ObjectRef } from '../rotation/ports.ts';

/** A way to tell people or systems, as the setting KEYTURN_CHANNELS names it. */
export interface Channel {
  /** Names it in ledger, log and errors. Its address is never shown: whoever has it may write there. */
  readonly name: string;
  readonly format: Format;
  readonly address: { readonly url: string } | { readonly secret: ObjectRef };
  /** Of a webhook. */
  readonly signingKey?: ObjectRef;
  /** `<name>` or `<vault>/<name>`, lower case, with `*` for any text. */
  readonly objects: readonly string[];
  readonly events: readonly ('versions' | 'notices')[];
  readonly advisory: boolean;
  readonly allowPrivate: boolean;
}

export const FORMATS = ['webhook', 'teams', 'slack'] as const;
export type Format = (typeof FORMATS)[number];

/** Is this channel to be told such things of the object? A vault is known by its name in them. Pure. */
export function subscribes(
  channel: Channel,
  event: Channel['events'][number],
  object: Pick<ObjectRef, 'vault' | 'name'>,
): boolean {
  if (!channel.events.includes(event)) return false;
  const name = object.name.toLowerCase();
  const whole = `${vaultName(object)}/${name}`;
  return channel.objects.some((pattern) => fits(pattern, pattern.includes('/') ? whole : name));
}

/** `kv` of `https://kv.vault.azure.net`: unique in its cloud. */
export function vaultName({ vault }: Pick<ObjectRef, 'vault'>): string {
  return new URL(vault).hostname.split('.')[0] ?? '';
}

/** Each text between two stars must follow in turn; no pattern takes longer than its length times that of the text. */
function fits(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return pattern === text;
  const last = rest.pop() ?? '';
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false;
  const end = text.length - last.length;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}
