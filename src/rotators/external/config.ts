import { configInvalid, type Problem } from '../../rotation/errors.ts';
import type { ObjectRef, Slot, Target, TargetInput } from '../../rotation/ports.ts';

/** One entry of the setting KEYTURN_EXTERNAL, checked. */
export interface ExternalSetting {
  readonly name: string;
  readonly url: string;
  /** Holds the key that requests and answers are signed with. */
  readonly secret: ObjectRef;
  readonly overlap: Overlap;
  readonly allowPrivate: boolean;
}

export type Overlap = 'many' | 'two-slots';

export interface Endpoint extends Omit<ExternalSetting, 'url'> {
  readonly url: URL;
  /** How the setting is called in an error. */
  readonly setting: string;
  /** The account or key that the secret is about, for an endpoint that serves several; empty where it has no name. */
  readonly account: string;
}

/** What stands in a tag goes into JSON, and into errors. */
export const ID = /^[\x21-\x7e](?:[\x20-\x7e]{0,254}[\x21-\x7e])?$/;

/**
 * `<instance>` or `<instance>/<account>`. Pure.
 * @param kindOf the rotator that serves an instance of the other kind, for the error
 * @throws CONFIG_INVALID with every problem at once
 */
export function parseEndpointTarget(
  settings: readonly ExternalSetting[],
  overlap: Overlap,
  kindOf: (overlap: Overlap) => string,
  input: TargetInput,
): Target<Endpoint> {
  const problems: Problem[] = [];
  const [, instance = '', account = ''] = /^([^/]*)(?:\/(.*))?$/s.exec(input.providerAddress.trim()) ?? [];
  const setting = settings.find(({ name }) => name.toLowerCase() === instance.toLowerCase());
  if (setting === undefined) {
    const names = settings.map(({ name }) => name).join(', ');
    const message = `names no entry of the setting KEYTURN_EXTERNAL; there ${names === '' ? 'are none' : `are: ${names}`}`;
    problems.push({ path: 'tags.ProviderAddress', message });
  } else if (setting.overlap !== overlap) {
    const message = `must be ${kindOf(setting.overlap)}: ${setting.name} has "overlap": "${setting.overlap}"`;
    problems.push({ path: 'tags.Rotator', message });
  }
  if (account !== '' && !ID.test(account)) {
    problems.push({
      path: 'tags.ProviderAddress',
      message: 'the account after / must be 1 to 256 printable characters',
    });
  }
  const slots = readSlots(overlap, input, problems);
  if (setting === undefined || problems.length > 0)
    throw configInvalid('the tags of an external secret are not right', problems);
  const url = new URL(setting.url);
  return {
    id: `${url.href}#${account}`,
    slots,
    current: input.credentialId.trim(),
    hosts: [url.host],
    config: { ...setting, url, account, setting: `KEYTURN_EXTERNAL["${setting.name}"]` },
  };
}

function readSlots(overlap: Overlap, input: TargetInput, problems: Problem[]): readonly Slot[] {
  const current = input.credentialId.trim();
  const other = input.alternateCredentialId?.trim();
  if (!ID.test(current)) {
    problems.push({ path: 'tags.CredentialId', message: 'must be the id of the credential in this version' });
  }
  if (overlap === 'many') {
    if (other === undefined) return [];
    problems.push({
      path: 'tags.AlternateCredentialId',
      message: 'has no meaning here: each rotation makes a new one',
    });
    return [];
  }
  if (other === undefined || !ID.test(other) || other === current) {
    problems.push({ path: 'tags.AlternateCredentialId', message: 'must be the other of the two credentials' });
  }
  return [current, other ?? ''];
}
