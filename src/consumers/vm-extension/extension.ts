import type { ArmClient } from '../../azure/arm/client.ts';
import type { Call } from '../../rotation/ports.ts';
import { nameIn } from '../arm-id.ts';
import { listIn, objectIn, textIn, type Json } from '../json.ts';
import { readObjectUrl, type ObjectAddress } from '../object-address.ts';
import { actionsOf } from './access.ts';
import { about, machinesOf, ownerOf, SETS } from './machines.ts';

/** One entry of `observedCertificates`, which is a text or an object with `url`. */
export interface Observed {
  readonly url: string;
  readonly address: ObjectAddress;
}

/** The Key Vault extension of a machine, or in the model of a scale set. */
export interface Extension {
  readonly id: string;
  /** As they came. */
  readonly settings: Json;
  readonly observed: readonly Observed[];
  readonly forceUpdateTag: string;
  readonly provisioning: string;
  /** What it says of itself, where ARM shows that: `ProvisioningState/succeeded` and a sentence. */
  readonly status?: { readonly code: string; readonly message: string };
  /** When it says that it has started, it has every certificate; the others only say that they have begun to look. */
  readonly waitsForAll: boolean;
  /** In the model of a scale set whose instances are brought to it by hand. */
  readonly isByHand: boolean;
}

/**
 * The extensions that a listed resource holds: itself, or those of a scale set. Read-only; throws as `ArmClient.start` does.
 * @returns none where it is not the Key Vault's
 */
export async function readExtensions(arm: ArmClient, id: string, call: Call): Promise<readonly Extension[]> {
  const isSet = machinesOf(id) === SETS;
  const request = about(id);
  const action = actionsOf(machinesOf(id)).read;
  // Arc machines show it unasked.
  const expand = machinesOf(id).listed.startsWith('microsoft.compute/') && !isSet ? { $expand: 'instanceView' } : {};
  const outcome = await arm.start(
    { ...request, query: { ...request.query, ...expand }, method: 'GET', action, mutates: false },
    call,
  );
  const body = objectIn('body' in outcome ? outcome.body : undefined);
  if (!isSet) return extensionIn(id, objectIn(body, 'properties'), false);
  const profile = objectIn(body, 'properties', 'virtualMachineProfile', 'extensionProfile');
  const isByHand = textIn(objectIn(body, 'properties', 'upgradePolicy'), 'mode')?.toLowerCase() === 'manual';
  return listIn(profile, 'extensions').flatMap((one) =>
    extensionIn(`${id}/extensions/${textIn(one, 'name') ?? ''}`, objectIn(one, 'properties'), isByHand),
  );
}

/** @returns undefined when it is not there any more */
export async function readExtension(arm: ArmClient, id: string, call: Call): Promise<Extension | undefined> {
  const listed = machinesOf(id) === SETS ? ownerOf(id) : id;
  const all = await readExtensions(arm, listed, call);
  return all.find((one) => nameIn(one.id).toLowerCase() === nameIn(id).toLowerCase());
}

function extensionIn(id: string, properties: Json, isByHand: boolean): readonly Extension[] {
  const type = textIn(properties, 'type') ?? '';
  if (!/^keyvaultfor(?:linux|windows)$/i.test(type)) return [];
  const settings = objectIn(properties, 'settings');
  const management = objectIn(settings, 'secretsManagementSettings');
  const status = statusIn(objectIn(properties, 'instanceView'));
  return [
    {
      ...{ id, settings, isByHand },
      observed: entriesOf(settings).flatMap((entry) => {
        const url = urlOf(entry);
        const address = readObjectUrl(url);
        return address === undefined ? [] : [{ url, address }];
      }),
      forceUpdateTag: textIn(properties, 'forceUpdateTag') ?? '',
      provisioning: textIn(properties, 'provisioningState') ?? '',
      ...(status === undefined ? {} : { status }),
      waitsForAll:
        String(management['requireInitialSync']).toLowerCase() === 'true' ||
        (/windows/i.test(type) && Number.parseInt(textIn(properties, 'typeHandlerVersion') ?? '', 10) >= 4),
    },
  ];
}

/** `statuses` of a virtual machine; one `status` of an Arc machine, whose code is a number and whose display text says how it went. */
function statusIn(view: Json): Extension['status'] {
  const [last] = listIn(view, 'statuses');
  if (last !== undefined) return { code: textIn(last, 'code') ?? '', message: sentenceOf(last) };
  const one = objectIn(view, 'status');
  if (Object.keys(one).length === 0) return undefined;
  const level = textIn(one, 'level')?.toLowerCase() ?? '';
  return { code: `ProvisioningState/${level === 'error' ? 'failed' : 'succeeded'}`, message: sentenceOf(one) };
}

function sentenceOf(status: Json): string {
  return (textIn(status, 'message') ?? textIn(status, 'displayStatus') ?? '').split('\n')[0]?.slice(0, 200) ?? '';
}

function entriesOf(settings: Json): readonly unknown[] {
  const entries = objectIn(settings, 'secretsManagementSettings')['observedCertificates'];
  return Array.isArray(entries) ? entries : [];
}

function urlOf(entry: unknown): string {
  return typeof entry === 'string' ? entry : (textIn(objectIn(entry), 'url') ?? '');
}

/** The settings with these entries naming no version, and everything else as it came. */
export function following(settings: Json, pinned: readonly Observed[]): Json {
  const management = objectIn(settings, 'secretsManagementSettings');
  const observedCertificates = entriesOf(settings).map((entry) => {
    const found = pinned.find(({ url }) => url === urlOf(entry));
    if (found?.address.version === undefined) return entry;
    const url = found.url.replace(new RegExp(`/${found.address.version}/?$`, 'i'), '');
    return typeof entry === 'string' ? url : { ...objectIn(entry), url };
  });
  return { ...settings, secretsManagementSettings: { ...management, observedCertificates } };
}

/*
 * `keyturn <when> <version> <version> …`, each version cut to twelve digits: those for which the extension was made to start anew. Every
 * start takes all certificates, so the earlier ones stay true; the newest is first.
 */
const MARK_LENGTH = 12;
const MOST_MARKS = 10;

export function tagFor({ forceUpdateTag }: Extension, version: string, now: Date): string {
  const [own, , ...before] = forceUpdateTag.split(' ');
  const marks = [version.slice(0, MARK_LENGTH), ...(own === 'keyturn' ? before : [])];
  return ['keyturn', now.toISOString(), ...new Set(marks)].slice(0, MOST_MARKS + 2).join(' ');
}

/** Was it made to start anew for this version? */
export function isMarked({ forceUpdateTag }: Extension, version: string): boolean {
  const [own, , ...marks] = forceUpdateTag.split(' ');
  return own === 'keyturn' && marks.includes(version.slice(0, MARK_LENGTH));
}
