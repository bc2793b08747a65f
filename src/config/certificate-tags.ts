import { configInvalid, type Problem } from '../rotation/errors.ts';
import type { ManagedCertificate } from '../rotation/ports.ts';
import type { Defaults } from './defaults.ts';
import { canonicalAs } from './tag-names.ts';
import { readBooleanTag, readNumber, readWindow } from './tag-values.ts';

/** What the tag Rotator of a certificate says. */
export const CERTIFICATE_ROTATOR = 'vault-certificate';

/** Every tag of a certificate that is read. Keyturn writes none; it puts back those that a new version has lost. */
export const CERTIFICATE_TAG_NAMES = ['Rotator', 'LeadTimeDays', 'RotationWindow', 'Paused'] as const;

const DAY = 86_400_000;
/** How long a version lives is for the certificate's own policy to say; no event of a young one is taken for an early one. */
const NO_LIMIT_MS = 3650 * DAY;

/**
 * Reads the tags of a certificate. It is renewed here when it has `Rotator`, or where the settings say that all are.
 * @throws CONFIG_INVALID with every problem
 */
export function readCertificateTags(
  written: Readonly<Record<string, string>>,
  defaults: Defaults,
): ManagedCertificate | undefined {
  const problems: Problem[] = [];
  const tags = canonicalAs(CERTIFICATE_TAG_NAMES, written, problems);
  const rotator = tags.get('Rotator');
  if (rotator === undefined && defaults.certificates === 'tagged') return undefined;
  const report = (tag: string, message: string): void => void problems.push({ path: `tags.${tag}`, message });
  if (rotator !== undefined && rotator.toLowerCase() !== CERTIFICATE_ROTATOR) {
    report(
      'Rotator',
      `'${rotator.slice(0, 40)}' renews no certificates; of a certificate it is ${CERTIFICATE_ROTATOR}`,
    );
  }
  const leadDays = readNumber(tags, 'LeadTimeDays', 'leadTimeDays', defaults, report);
  const window = readWindow(tags.get('RotationWindow'), report);
  const paused = readBooleanTag(tags.get('Paused'), 'Paused', report);
  if (problems.length > 0) {
    throw configInvalid(
      'the tags of the certificate',
      problems,
      'Correct the tags: az keyvault certificate set-attributes --vault-name <vault> --name <certificate> --tags <Name>=<value> … (give every tag: those left out are removed). The table of tags is in the README.',
    );
  }
  const leadTimeMs = leadDays * DAY;
  const lifetime = { validityMs: leadTimeMs + NO_LIMIT_MS, leadTimeMs };
  return {
    rotator: CERTIFICATE_ROTATOR,
    policy: { ...lifetime, overlapMs: 0, retainVersions: 1, paused, ...(window === undefined ? {} : { window }) },
  };
}
