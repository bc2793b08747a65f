import { configInvalid, type Problem, type RotationError } from '../rotation/errors.ts';
import type { Configuration, Managed, ObjectRef, RotationPolicy, Rotator } from '../rotation/ports.ts';
import { readCertificateTags } from './certificate-tags.ts';
import { readKeyTags } from './key-tags.ts';
import { readLifetime } from './lifetime.ts';
import type { Settings } from './settings.ts';
import { canonical, isManaged, type TagName, type Tags } from './tag-names.ts';
import { readBooleanTag, readFormat, readNumber, readShape, readWindow } from './tag-values.ts';
import { readTarget } from './target.ts';

export { TAG_NAMES, type TagName } from './tag-names.ts';

const HOUR = 3_600_000;
const FOUND_BY_SWEEP =
  "Key Vault's own warning comes 30 days before expiry and cannot be changed; set LeadTimeDays to less than {days}, and the sweep finds the secret instead";

/**
 * Reads the tags of secrets with the settings' defaults.
 *
 * A secret is managed when it has `ProviderAddress` or `Rotator`, or any two of the telling tags (CredentialId,
 * ProviderAddress, Rotator, AlternateCredentialId, ValidityPeriodDays), misspelt ones included: so that a secret with
 * `CredentialId` and `ProviderAdress` is reported, and one with a tag `Paused` or `CredentialId` of somebody else's is
 * left alone.
 *
 * @param now when given, a validity that would end after 2038-01-19 is refused (facts A1); the vault port refuses
 *   such a date in any case
 */
export function createConfiguration(settings: Settings, rotators: readonly Rotator[], now?: () => Date): Configuration {
  return {
    vaults: settings.vaults,
    serves: (vault) => settings.vaults.includes(vault.toLowerCase().replace(/\/$/, '')),
    managed(written, { vault }) {
      const problems: Problem[] = [];
      const tags = canonical(written, problems);
      if (!isManaged(written, tags)) return undefined;
      const policy = readPolicy(tags, settings, problems, now?.());
      const found = readTarget(tags, rotators, settings, problems);
      problems.push(...notShared(found?.target.sources ?? [], vault, settings));
      if (problems.length > 0 || found === undefined) throw refused(problems);
      return { policy, ...found } satisfies Managed;
    },
    managedKey: (written) => readKeyTags(written, settings.defaults, now?.()),
    managedCertificate: (written) => readCertificateTags(written, settings.defaults),
  };
}

/**
 * The app may read what whoever wrote the tags may not: without this, tags of a secret in one vault would get the value of a secret in
 * another one written where their author can read it. Within a vault, who may write secrets is taken to be allowed to read them.
 */
function notShared(
  sources: readonly ObjectRef[],
  vault: string,
  { sharedVaults }: Pick<Settings, 'sharedVaults'>,
): readonly Problem[] {
  return sources
    .filter((source) => source.vault !== vault && !sharedVaults.includes(source.vault))
    .map((source) => ({
      path: 'tags.ProviderAddress',
      message: `names a ${source.kind} in ${source.vault}, another vault, which KEYTURN_SHARED_VAULTS does not name: only what is in this vault, or in a shared one, may end up in this secret`,
    }));
}

function refused(problems: readonly Problem[]): RotationError {
  const foreign = problems.some((problem) => problem.message.includes('KEYTURN_ALLOWED_HOSTS'));
  return configInvalid(
    'the tags of the secret',
    problems,
    foreign
      ? 'If the host is right, add it to the setting KEYTURN_ALLOWED_HOSTS: host (any port), host:port (this port only) or *.suffix; otherwise correct the tag.'
      : 'Correct the tags: az keyvault secret set-attributes --vault-name <vault> --name <secret> --tags <Name>=<value> … (give every tag: those left out are removed). The table of tags is in the README.',
  );
}

function readPolicy(tags: Tags, settings: Settings, problems: Problem[], now: Date | undefined): RotationPolicy {
  const { defaults } = settings;
  const report = (tag: TagName, message: string): void => void problems.push({ path: `tags.${tag}`, message });
  const { validityMs, leadTimeMs } = readLifetime(tags, defaults, FOUND_BY_SWEEP, report, now);
  const overlapHours = readNumber(tags, 'OverlapHours', 'overlapHours', defaults, report);
  const retainVersions = readNumber(tags, 'RetainVersions', 'retainVersions', defaults, report);
  const window = readWindow(tags.get('RotationWindow'), report);
  const format = readFormat(tags.get('ValueFormat'), report);
  const shape = readShape(tags.get('ValueShape'), report);
  const overlapMs = overlapHours * HOUR;
  if (leadTimeMs < validityMs && overlapMs >= validityMs - leadTimeMs) {
    const room = (validityMs - leadTimeMs) / HOUR;
    report(
      'OverlapHours',
      `${overlapHours} hours is not shorter than the ${room} hours between two rotations (validity less lead time): the next rotation would need the slot that readers of the last version still use`,
    );
  }
  return {
    validityMs,
    leadTimeMs,
    overlapMs,
    retainVersions,
    paused: readBooleanTag(tags.get('Paused'), 'Paused', report),
    ...(window === undefined ? {} : { window }),
    ...(format === undefined ? {} : { format }),
    ...(shape === undefined ? {} : { shape }),
  };
}
