import type { Defaults } from './defaults.ts';
import { readNumber } from './tag-values.ts';

const DAY = 86_400_000;
const LAST_EXPIRY = Date.parse('2038-01-19T03:14:07Z');

type Tag = 'ValidityPeriodDays' | 'LeadTimeDays';

/**
 * How long a version lives, and how long before its end the next one is made; the same for secrets and keys.
 * @param instead what finds an object whose lead time is too short for the vault's own warning, for the sentence of the problem
 * @param now when given, a validity that would end after 2038-01-19 is refused (facts A1)
 */
export function readLifetime(
  tags: Pick<ReadonlyMap<Tag, string>, 'get' | 'has'>,
  defaults: Defaults,
  instead: string,
  report: (tag: Tag, message: string) => void,
  now: Date | undefined,
): { readonly validityMs: number; readonly leadTimeMs: number } {
  const validityDays = readNumber(tags, 'ValidityPeriodDays', 'validityDays', defaults, report);
  const leadDays = readNumber(tags, 'LeadTimeDays', 'leadTimeDays', defaults, report);
  const [validityMs, leadTimeMs] = [validityDays * DAY, leadDays * DAY];
  if (leadTimeMs >= validityMs) {
    const lead = tags.has('LeadTimeDays') ? `${leadDays} days` : `${leadDays} days by default`;
    report(
      'ValidityPeriodDays',
      `${validityDays} days is not longer than the lead time (${lead}): each new version would be due at once, and rotation would never rest. ${instead.replaceAll('{days}', String(validityDays))}`,
    );
  }
  if (now !== undefined && now.getTime() + validityMs >= LAST_EXPIRY) {
    report(
      'ValidityPeriodDays',
      `${validityDays} days ends after 2038-01-19, the last date that the Key Vault SDK can write`,
    );
  }
  return { validityMs, leadTimeMs };
}
