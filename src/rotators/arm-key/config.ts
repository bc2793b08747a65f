import type { Problem } from '../../rotation/errors.ts';
import { configInvalid } from '../../rotation/errors.ts';
import type { Slot, TargetInput } from '../../rotation/ports.ts';
import type { ArmKeyConfig, ArmKeyRow } from './row.ts';

/** What `parseTarget` makes of the three tags, before the row adds its hosts. */
export interface ParsedAddress {
  readonly id: string;
  readonly current: Slot;
  readonly slots: readonly [Slot, Slot];
  readonly config: ArmKeyConfig;
}

const GUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
/** Letters, digits, `_ - . ( )`, up to 90, not ending in a full stop: Azure's own rule, which also rules out `..`. */
const RESOURCE_GROUP = /^[\p{L}\p{N}_\-.()]{0,89}[\p{L}\p{N}_\-()]$/u;

interface AddressParts {
  readonly subscriptionId: string;
  readonly resourceGroup: string;
  /** The row's address that has this shape. */
  readonly address: string;
  readonly names: Readonly<Record<string, string>>;
}

/** Takes an ARM resource id apart; undefined when it has the shape of none of the row's addresses. Pure. */
export function splitAddress(row: ArmKeyRow, written: string): AddressParts | undefined {
  const parts = written.trim().replace(/\/+$/, '').split('/');
  const [start, subscriptions, subscriptionId = '', groups, resourceGroup = '', providers, ...rest] = parts;
  const frame = [start, subscriptions, groups, providers].join('/').toLowerCase();
  if (frame !== '/subscriptions/resourcegroups/providers') return undefined;
  for (const address of row.addresses) {
    const names = namesIn(address, rest);
    if (names !== undefined) return { subscriptionId, resourceGroup, address, names };
  }
  return undefined;
}

/** What stands at the places of the braces; undefined when anything else differs in more than its case. */
function namesIn(address: string, parts: readonly string[]): Readonly<Record<string, string>> | undefined {
  const wanted = address.split('/');
  if (wanted.length !== parts.length) return undefined;
  const names: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const given = parts[index] ?? '';
    const place = placeOf(part);
    if (place !== undefined) names[place] = given;
    else if (part.toLowerCase() !== given.toLowerCase()) return undefined;
  }
  return names;
}

function placeOf(part: string): string | undefined {
  return /^\{(\w+)\}$/.exec(part)?.[1];
}

/** The canonical name of the slot that a tag names, whatever its case; undefined when the row has no such slot. */
function slotNamed(slots: readonly Slot[], spelling: string): Slot | undefined {
  const wanted = spelling.trim().toLowerCase();
  return slots.find((slot) => slot.toLowerCase() === wanted);
}

/**
 * Parses and checks the tags of a target of this row. Pure.
 * @throws CONFIG_INVALID with every problem at once, each with the tag's path
 */
export function parseAddress(row: ArmKeyRow, input: TargetInput): ParsedAddress {
  const problems: Problem[] = [];
  const parts = splitAddress(row, input.providerAddress);
  problems.push(...addressProblems(row, parts));
  const slots = 'rule' in row.pairs ? namedPair(row.pairs, input, problems) : chosenPair(row.pairs, input, problems);
  const [current] = slots ?? [];
  if (parts === undefined || slots === undefined || current === undefined || problems.length > 0) {
    throw configInvalid(`the tags of a ${row.kind} secret are not right`, problems);
  }
  const config = configOf(parts);
  // The same pair in the same order, whichever of the two is current.
  const pair =
    'rule' in row.pairs ? ([...slots].sort() as [Slot, Slot]) : row.pairs.find((two) => two.includes(current));
  return { id: decodeURIComponent(config.path).toLowerCase(), current, slots: pair ?? slots, config };
}

function configOf({ subscriptionId, resourceGroup, address, names }: AddressParts): ArmKeyConfig {
  const name = (names['name'] ?? '').toLowerCase();
  const all: Readonly<Record<string, string>> = { ...names, name };
  const places = address.split('/');
  const tail = places.map((part) => {
    const place = placeOf(part);
    return place === undefined ? part : encodeURIComponent(all[place] ?? '');
  });
  const path = `/subscriptions/${subscriptionId}/resourceGroups/${encodeURIComponent(resourceGroup)}/providers/${tail.join('/')}`;
  return { subscriptionId, resourceGroup, name, names: all, type: typeOf(address), path };
}

/** ARM's type of what a row's address leads to. */
export function typeOf(address: string): string {
  const places = address.split('/');
  return places.filter((part) => placeOf(part) === undefined).join('/');
}

type Pair = readonly [Slot, Slot];

/** The pair that has the slot, current one first. */
function chosenPair(pairs: readonly Pair[], input: TargetInput, problems: Problem[]): Pair | undefined {
  const current = slotNamed(pairs.flat(), input.credentialId);
  if (current === undefined) {
    const message = `must be ${orList(pairs.flat())}, the key that the secret holds now`;
    problems.push({ path: 'tags.CredentialId', message });
  }
  const pair = pairs.find((two) => current !== undefined && two.includes(current)) ?? pairs[0];
  if (pair === undefined) throw new TypeError('a row has no pair of slots');
  const alternate = input.alternateCredentialId;
  const other = alternate === undefined ? undefined : slotNamed(pair, alternate);
  if (alternate !== undefined && (other === undefined || other === current)) {
    const message = `may be left out: it is always the other one of ${orList(pair)}`;
    problems.push({ path: 'tags.AlternateCredentialId', message });
  }
  if (current === undefined) return undefined;
  return [current, current === pair[0] ? pair[1] : pair[0]];
}

/** Any two names, as they are spelled: whether the service tells `A` from `a` is not documented. */
function namedPair(
  name: { readonly pattern: RegExp; readonly rule: string },
  input: TargetInput,
  problems: Problem[],
): Pair {
  const current = input.credentialId.trim();
  const other = input.alternateCredentialId?.trim() ?? '';
  if (!name.pattern.test(current)) problems.push({ path: 'tags.CredentialId', message: name.rule });
  if (other === '') {
    const message = 'is required: the name of the second key, which is made if it does not exist';
    problems.push({ path: 'tags.AlternateCredentialId', message });
  } else if (!name.pattern.test(other) || other === current) {
    problems.push({ path: 'tags.AlternateCredentialId', message: `must be another key; ${name.rule}` });
  }
  return [current, other];
}

function orList(slots: readonly Slot[]): string {
  return slots.length === 2 ? slots.join(' or ') : `one of ${slots.join(', ')}`;
}

function addressProblems(row: ArmKeyRow, parts: AddressParts | undefined): Problem[] {
  const path = 'tags.ProviderAddress';
  if (parts === undefined) {
    const shapes = row.addresses.map((address) => address.replaceAll(/\{(\w+)\}/g, '<$1>'));
    const message = `must be the ARM resource id /subscriptions/<guid>/resourceGroups/<group>/providers/${shapes.join(' or …/')}`;
    return [{ path, message }];
  }
  const problems: Problem[] = [];
  if (!GUID.test(parts.subscriptionId)) problems.push({ path, message: 'the subscription id must be a GUID' });
  if (!RESOURCE_GROUP.test(parts.resourceGroup)) {
    problems.push({ path, message: 'the resource group must be 1 to 90 letters, digits, _ - . ( ), not ending in .' });
  }
  for (const [place, name] of Object.entries(parts.names)) {
    const rule = row.names[place];
    if (rule === undefined) throw new TypeError(`the row ${row.kind} has no rule for {${place}}`);
    if (!rule.pattern.test(name)) problems.push({ path, message: rule.rule });
  }
  return problems;
}
