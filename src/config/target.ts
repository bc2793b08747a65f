import { RotationError, type Problem } from '../rotation/errors.ts';
import type { Rotator, Target, TargetInput } from '../rotation/ports.ts';
import { allowsHost, type Settings } from './settings.ts';
import { nearest } from './spelling.ts';
import type { Tags } from './tag-names.ts';

/** Chooses the rotator and lets it parse the target; undefined when a problem stood in the way. */
export function readTarget(
  tags: Tags,
  rotators: readonly Rotator[],
  settings: Settings,
  problems: Problem[],
): { readonly rotator: Rotator; readonly target: Target } | undefined {
  const credentialId = tags.get('CredentialId') ?? '';
  const providerAddress = tags.get('ProviderAddress') ?? '';
  const alternate = tags.get('AlternateCredentialId');
  const rotator = chooseRotator(tags, providerAddress, rotators, settings, problems);
  const needs = rotator?.needs ?? ['CredentialId', 'ProviderAddress'];
  const lacks = needs.filter((tag) => (tags.get(tag) ?? '') === '');
  if (lacks.includes('CredentialId')) {
    problems.push({ path: 'tags.CredentialId', message: 'is required: the account or key in the current version' });
  }
  if (lacks.includes('ProviderAddress')) {
    problems.push({ path: 'tags.ProviderAddress', message: 'is required: the system that the credential belongs to' });
  }
  if (rotator === undefined || lacks.length > 0) return undefined;
  const input: TargetInput = {
    credentialId,
    providerAddress,
    ...(alternate === undefined ? {} : { alternateCredentialId: alternate }),
  };
  const target = parseTarget(rotator, input, problems);
  if (target === undefined) return undefined;
  for (const host of target.hosts) {
    if (allowsHost(settings, host)) continue;
    problems.push({ path: 'tags.ProviderAddress', message: `host ${host} is not in KEYTURN_ALLOWED_HOSTS` });
  }
  return { rotator, target };
}

function chooseRotator(
  tags: Tags,
  address: string,
  rotators: readonly Rotator[],
  settings: Settings,
  problems: Problem[],
): Rotator | undefined {
  const kinds = rotators.map((one) => one.kind).join(', ');
  const kind = tags.get('Rotator');
  if (kind !== undefined) {
    const named = rotators.find((one) => one.kind.toLowerCase() === kind.toLowerCase());
    const meant = nearest(kind, rotators.map((one) => one.kind)); // prettier-ignore
    const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
    if (named === undefined) {
      problems.push({ path: 'tags.Rotator', message: `there is no rotator '${kind}'; there are ${kinds}${hint}` });
    }
    return named;
  }
  if (address === '') return undefined;
  const claiming = preferred(
    rotators.filter((one) => one.claims(address)),
    tags.has('AlternateCredentialId') || settings.defaults.accounts === 'pair',
  );
  if (claiming.length === 1) return claiming[0];
  // The address is not repeated: a URL in it may hold a password.
  const message =
    claiming.length === 0
      ? `does not tell which rotator serves it; set the tag Rotator to one of ${kinds}`
      : `is claimed by ${claiming.map((one) => one.kind).join(' and ')}; say which with the tag Rotator`;
  problems.push({ path: 'tags.ProviderAddress', message });
  return undefined;
}

/** Of a system that is rotated with a pair of accounts or with a single one, the one that is meant. */
function preferred(claiming: readonly Rotator[], pair: boolean): readonly Rotator[] {
  const fitting = claiming.filter(({ capabilities }) => (capabilities.overlap !== 'none') === pair);
  return claiming.length > 1 && fitting.length > 0 ? fitting : claiming;
}

function parseTarget(rotator: Rotator, input: TargetInput, problems: Problem[]): Target | undefined {
  try {
    return rotator.parseTarget(input);
  } catch (error) {
    if (!(error instanceof RotationError) || error.code !== 'CONFIG_INVALID') throw error;
    problems.push(...error.problems);
    return undefined;
  }
}
