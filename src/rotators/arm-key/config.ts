import type { Problem } from '../../rotation/errors.ts';
import { configInvalid } from '../../rotation/errors.ts';
import type { Slot, TargetInput } from '../../rotation/ports.ts';
import type { ArmKeyRow } from './rows.ts';

/** Where the resource is, as the tag spells it (ARM ids are case-insensitive, but answers echo the spelling). */
export interface ArmKeyConfig {
  readonly subscriptionId: string;
  readonly resourceGroup: string;
  /** Lower case: it is a host name too. */
  readonly name: string;
  /** The resource's path in ARM, percent-encoded, without a trailing slash. */
  readonly path: string;
}

/** What `parseTarget` makes of the three tags, before the row adds its hosts. */
export interface ParsedAddress {
  readonly id: string;
  readonly current: Slot;
  readonly config: ArmKeyConfig;
}

const GUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
/** Letters, digits, `_ - . ( )`, up to 90, not ending in a full stop: Azure's own rule, which also rules out `..`. */
const RESOURCE_GROUP = /^[\p{L}\p{N}_\-.()]{0,89}[\p{L}\p{N}_\-()]$/u;

interface AddressParts {
  readonly subscriptionId: string;
  readonly resourceGroup: string;
  readonly name: string;
}

/** Takes an ARM resource id apart; undefined when it is not one of the row's type. Checks shape only. Pure. */
export function splitAddress(row: ArmKeyRow, address: string): AddressParts | undefined {
  const parts = address.trim().replace(/\/+$/, '').split('/');
  const [start, subscriptions, subscriptionId, groups, resourceGroup, providers, namespace, type, name] = parts;
  if (parts.length !== 9 || start !== '') return undefined;
  const frame = `${subscriptions ?? ''}/${groups ?? ''}/${providers ?? ''}`.toLowerCase();
  if (frame !== 'subscriptions/resourcegroups/providers') return undefined;
  if (`${namespace ?? ''}/${type ?? ''}`.toLowerCase() !== row.resourceType.toLowerCase()) return undefined;
  return { subscriptionId: subscriptionId ?? '', resourceGroup: resourceGroup ?? '', name: name ?? '' };
}

/** The canonical name of the slot that a tag names, whatever its case; undefined when the row has no such slot. */
export function slotNamed(row: ArmKeyRow, spelling: string): Slot | undefined {
  const wanted = spelling.trim().toLowerCase();
  return row.slots.find((slot) => slot.toLowerCase() === wanted);
}

/**
 * Parses and checks the tags of a target of this row. Pure.
 * @throws CONFIG_INVALID with every problem at once, each with the tag's path
 */
export function parseAddress(row: ArmKeyRow, input: TargetInput): ParsedAddress {
  const problems: Problem[] = [];
  const parts = splitAddress(row, input.providerAddress);
  problems.push(...addressProblems(row, parts));
  const choice = row.slots.join(' or ');
  const current = slotNamed(row, input.credentialId);
  if (current === undefined) {
    problems.push({ path: 'tags.CredentialId', message: `must be ${choice}, the key that the secret holds now` });
  }
  if (input.alternateCredentialId !== undefined) {
    const alternate = slotNamed(row, input.alternateCredentialId);
    if (alternate === undefined || alternate === current) {
      const message = `may be left out: it is always the other one of ${choice}`;
      problems.push({ path: 'tags.AlternateCredentialId', message });
    }
  }
  if (parts === undefined || current === undefined || problems.length > 0) {
    throw configInvalid(`the tags of a ${row.kind} secret are not right`, problems);
  }
  const path =
    `/subscriptions/${parts.subscriptionId}/resourceGroups/${encodeURIComponent(parts.resourceGroup)}` +
    `/providers/${row.resourceType}/${parts.name.toLowerCase()}`;
  const id = decodeURIComponent(path).toLowerCase();
  return { id, current, config: { ...parts, name: parts.name.toLowerCase(), path } };
}

function addressProblems(row: ArmKeyRow, parts: AddressParts | undefined): Problem[] {
  const path = 'tags.ProviderAddress';
  if (parts === undefined) {
    const shape = `/subscriptions/<guid>/resourceGroups/<group>/providers/${row.resourceType}/<name>`;
    return [{ path, message: `must be the ARM resource id ${shape}` }];
  }
  const problems: Problem[] = [];
  if (!GUID.test(parts.subscriptionId)) problems.push({ path, message: 'the subscription id must be a GUID' });
  if (!RESOURCE_GROUP.test(parts.resourceGroup)) {
    problems.push({ path, message: 'the resource group must be 1 to 90 letters, digits, _ - . ( ), not ending in .' });
  }
  if (!row.name.pattern.test(parts.name)) problems.push({ path, message: row.name.rule });
  return problems;
}
