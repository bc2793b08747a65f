import type { Slot } from '../../rotation/ports.ts';
import { SecretValue } from '../../rotation/ports.ts';
import type { ArmKeyConfig, NameRule } from './row.ts';

/* The shapes of ARM's answers, and the rules for names, that more than one row has. */

export type Keys = ReadonlyMap<Slot, SecretValue>;

/** A member of an object that is text and not empty. */
export function textIn(body: unknown, member: string): string | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const value = (body as Readonly<Record<string, unknown>>)[member];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The items of a list that is a member of an object; none when it is something else. */
export function itemsIn(body: unknown, member: string): readonly unknown[] {
  if (typeof body !== 'object' || body === null) return [];
  const value = (body as Readonly<Record<string, unknown>>)[member];
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}

/** Keys that are members of the answer: for each slot, the member's name. Other members are passed over. */
export function members(names: Readonly<Record<Slot, string>>): (body: unknown) => Keys {
  return (body) => {
    const keys = new Map<Slot, SecretValue>();
    for (const [slot, member] of Object.entries(names)) {
      const value = textIn(body, member);
      if (value !== undefined) keys.set(slot, new SecretValue(value));
    }
    return keys;
  };
}

/** Keys that are items of a list, each with its slot's name, in any case. Other items are passed over. */
export function listItems(
  slots: readonly Slot[],
  of: { readonly list: string; readonly name: string; readonly value: string },
): (body: unknown) => Keys {
  return (body) => {
    const keys = new Map<Slot, SecretValue>();
    for (const item of itemsIn(body, of.list)) {
      const written = textIn(item, of.name)?.toLowerCase();
      const slot = slots.find((one) => one.toLowerCase() === written);
      const value = textIn(item, of.value);
      if (slot !== undefined && value !== undefined) keys.set(slot, new SecretValue(value));
    }
    return keys;
  };
}

/** Every rule keeps to characters that mean nothing in a path, a URL or a shell. */
export function nameRule(what: string, pattern: RegExp, says: string): NameRule {
  return { pattern, rule: `the ${what} must be ${says}` };
}

/** Names of rules and entities in a namespace. */
export const ENTITY = nameRule('entity name', /^[a-z0-9][a-z0-9_.-]{0,259}$/i, '1 to 260 letters, digits, _ . -');
export const RULE = nameRule('rule name', /^[a-z0-9][a-z0-9_.-]{0,255}$/i, '1 to 256 letters, digits, _ . -');

/** `az … --name A --resource-group 'G' --subscription S`, the tail of most commands. */
export function named({ name, resourceGroup, subscriptionId }: ArmKeyConfig): string {
  return `--name ${name} --resource-group '${resourceGroup}' --subscription ${subscriptionId}`;
}

export function showResource({ path }: ArmKeyConfig): string {
  return `az resource show --ids "${decodeURIComponent(path)}"`;
}
