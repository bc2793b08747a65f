import type { Problem } from '../rotation/errors.ts';
import { nearest } from './spelling.ts';

/** Every tag that Keyturn reads or writes, in its canonical spelling; case does not count. */
export const TAG_NAMES = [
  'CredentialId',
  'ProviderAddress',
  'ValidityPeriodDays',
  'Rotator',
  'AlternateCredentialId',
  'LeadTimeDays',
  'OverlapHours',
  'RetainVersions',
  'RotationWindow',
  'Paused',
  'ValueFormat',
  'ValueShape',
  'RotationId',
] as const;
export type TagName = (typeof TAG_NAMES)[number];

/** Tags by canonical name. */
export type Tags = ReadonlyMap<TagName, string>;

/** Key Vault's own limit, less one for RotationId, which every rotation writes (facts A6). */
const MAX_OWN_TAGS = 14;
/** Tags that nobody else uses for something else; the other names (`Paused`) claim nothing by themselves. */
const TELLING: readonly TagName[] = [
  'CredentialId',
  'ProviderAddress',
  'Rotator',
  'AlternateCredentialId',
  'ValidityPeriodDays',
];

/** The tags under their canonical names; problems for those written twice or nearly right. */
export function canonicalAs<T extends string>(
  names: readonly T[],
  written: Readonly<Record<string, string>>,
  problems: Problem[],
): ReadonlyMap<T, string> {
  const tags = new Map<T, string>();
  for (const [name, value] of Object.entries(written)) {
    const known = names.find((tag) => tag.toLowerCase() === name.toLowerCase());
    const path = `tags.${name}`;
    if (known === undefined) {
      const meant = nearest(name, names);
      if (meant !== undefined) problems.push({ path, message: `there is no such tag; did you mean ${meant}?` });
    } else if (tags.has(known)) {
      problems.push({ path, message: `is written twice, in different case` });
    } else {
      tags.set(known, value);
    }
  }
  return tags;
}

/** The tags of a secret under their canonical names. */
export function canonical(written: Readonly<Record<string, string>>, problems: Problem[]): Tags {
  const tags = canonicalAs(TAG_NAMES, written, problems);
  if (Object.keys(written).length - (tags.has('RotationId') ? 1 : 0) > MAX_OWN_TAGS) {
    const message = `there are more than ${MAX_OWN_TAGS}; Key Vault takes 15, and Keyturn writes RotationId`;
    problems.push({ path: 'tags', message });
  }
  return tags;
}

/** Does anything in these tags claim the secret for Keyturn? */
export function isManaged(written: Readonly<Record<string, string>>, tags: Tags): boolean {
  if (tags.has('ProviderAddress') || tags.has('Rotator')) return true;
  const meant = Object.keys(written).map((name) => nearest(name, TELLING) ?? name.toLowerCase());
  return TELLING.filter((tag) => meant.includes(tag) || meant.includes(tag.toLowerCase())).length >= 2;
}
