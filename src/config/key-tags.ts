import { configInvalid, type Problem } from '../rotation/errors.ts';
import type { ManagedKey } from '../rotation/ports.ts';
import type { Defaults } from './defaults.ts';
import { readLifetime } from './lifetime.ts';
import { canonicalAs } from './tag-names.ts';
import { readBooleanTag, readWindow } from './tag-values.ts';

/** What the tag Rotator of a key says. */
export const KEY_ROTATOR = 'vault-key';

/** A tag's value holds 256 characters, which is one ARM id; ten users leave five of the fifteen tags for the rest. */
const USER_TAGS = [
  ...(['KeyUser', 'KeyUser1', 'KeyUser2', 'KeyUser3', 'KeyUser4'] as const),
  ...(['KeyUser5', 'KeyUser6', 'KeyUser7', 'KeyUser8', 'KeyUser9'] as const),
];

/** Every tag of a key that is read. Keyturn writes none; it puts back those that a new version has lost. */
export const KEY_TAG_NAMES = [
  'Rotator',
  ...USER_TAGS,
  'ValidityPeriodDays',
  'LeadTimeDays',
  'RotationWindow',
  'Paused',
] as const;

const ARM_ID = /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/[^/]+(?:\/[^/]+\/[^/]+)+$/i;
const FOUND_BY_SWEEP = 'Set LeadTimeDays to less than {days}; the sweep finds the key where the vault warns earlier';

/**
 * Reads the tags of a key. It is managed when it has `Rotator` or any `KeyUser`. Whether there is a kind of user for an ARM id is
 * not asked here: one that nobody knows does not keep the others from being moved on.
 * @throws CONFIG_INVALID with every problem
 */
export function readKeyTags(
  written: Readonly<Record<string, string>>,
  defaults: Defaults,
  now: Date | undefined,
): ManagedKey | undefined {
  const problems: Problem[] = [];
  const tags = canonicalAs(KEY_TAG_NAMES, written, problems);
  const rotator = tags.get('Rotator');
  if (rotator === undefined && !USER_TAGS.some((tag) => tags.has(tag))) return undefined;
  const report = (tag: string, message: string): void => void problems.push({ path: `tags.${tag}`, message });
  if (rotator !== undefined && rotator.toLowerCase() !== KEY_ROTATOR) {
    report('Rotator', `'${rotator.slice(0, 40)}' does not rotate keys; of a key it is ${KEY_ROTATOR}`);
  }
  const users = new Map<string, string>();
  for (const tag of USER_TAGS) {
    const id = tags.get(tag)?.trim().replace(/\/+$/, '');
    if (id === undefined) continue;
    if (ARM_ID.test(id)) users.set(id.toLowerCase(), users.get(id.toLowerCase()) ?? id);
    else report(tag, 'must be the ARM id of a resource: /subscriptions/…/resourceGroups/…/providers/…');
  }
  const lifetime = readLifetime(tags, defaults, FOUND_BY_SWEEP, report, now);
  const window = readWindow(tags.get('RotationWindow'), report);
  const paused = readBooleanTag(tags.get('Paused'), 'Paused', report);
  if (problems.length > 0) {
    throw configInvalid(
      'the tags of the key',
      problems,
      'Correct the tags: az keyvault key set-attributes --vault-name <vault> --name <key> --tags <Name>=<value> … (give every tag: those left out are removed). The table of tags is in src/consumers/key-users/README.md.',
    );
  }
  return {
    rotator: KEY_ROTATOR,
    users: [...users.values()],
    // A key has no previous credential to be kept for its readers, and its old versions are never disabled.
    policy: { ...lifetime, overlapMs: 0, retainVersions: 1, paused, ...(window === undefined ? {} : { window }) },
  };
}
