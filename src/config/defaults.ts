import { nearest } from './spelling.ts';
import { readJsonObject, type Env, type Report } from './values.ts';

/** What a secret without the tag gets. */
export interface Defaults {
  readonly validityDays: number;
  readonly leadTimeDays: number;
  readonly overlapHours: number;
  readonly retainVersions: number;
  /**
   * What a secret of a database means that has neither the tag AlternateCredentialId nor Rotator: the conventional second
   * account, or that there is only one, as in Microsoft's samples.
   */
  readonly accounts: 'pair' | 'single';
  /** Which certificates are renewed: those with the tag Rotator, or every one of the served vaults. */
  readonly certificates: 'tagged' | 'all';
}

type ChoiceKey = 'accounts' | 'certificates';
type NumberKey = Exclude<keyof Defaults, ChoiceKey>;

interface Bound {
  readonly fallback: number;
  readonly least: number;
  readonly most: number;
  readonly whole: boolean;
}

/** Bounds of the tags and of their defaults alike. */
export const BOUNDS = {
  validityDays: { fallback: 90, least: 1, most: 3650, whole: true },
  leadTimeDays: { fallback: 30, least: 0, most: 3650, whole: false },
  overlapHours: { fallback: 24, least: 0, most: 8760, whole: false },
  // The newest and the one before it: the previous version is what readers hold during the overlap.
  retainVersions: { fallback: 2, least: 2, most: 500, whole: true },
} as const satisfies Record<NumberKey, Bound>;

/** The first of each is what holds where nothing is said. */
const CHOICES: { readonly [K in ChoiceKey]: readonly [Defaults[K], ...Defaults[K][]] } = {
  accounts: ['pair', 'single'],
  certificates: ['tagged', 'all'],
};

/** KEYTURN_DEFAULTS: a JSON object with any of the six. */
export function readDefaults(env: Env, report: Report): Defaults {
  const name = 'KEYTURN_DEFAULTS';
  const raw = readJsonObject(env, name, report) ?? {};
  const known = [...Object.keys(BOUNDS), ...Object.keys(CHOICES)];
  for (const key of Object.keys(raw)) {
    if (known.includes(key)) continue;
    const meant = nearest(key, known);
    report(
      `${name}.${key}`,
      `there is no such default; ${meant ? `did you mean ${meant}?` : `there are ${known.join(', ')}`}`,
    );
  }
  const one = (key: NumberKey): number => {
    const bound: Bound = BOUNDS[key];
    const value = raw[key] ?? bound.fallback;
    const good = typeof value === 'number' && value >= bound.least && value <= bound.most;
    if (good && (!bound.whole || Number.isInteger(value))) return value;
    report(`${name}.${key}`, `must be a ${bound.whole ? 'whole ' : ''}number from ${bound.least} to ${bound.most}`);
    return bound.fallback;
  };
  const choice = <K extends ChoiceKey>(key: K): Defaults[K] => {
    const choices: readonly Defaults[K][] = CHOICES[key];
    const [fallback] = CHOICES[key];
    const chosen = choices.find((one) => one === (raw[key] ?? fallback));
    if (chosen === undefined) report(`${name}.${key}`, `must be ${choices.map((one) => `"${one}"`).join(' or ')}`);
    return chosen ?? fallback;
  };
  const defaults = {
    validityDays: one('validityDays'),
    leadTimeDays: one('leadTimeDays'),
    overlapHours: one('overlapHours'),
    retainVersions: one('retainVersions'),
    accounts: choice('accounts'),
    certificates: choice('certificates'),
  };
  if (defaults.leadTimeDays >= defaults.validityDays) {
    report(`${name}.leadTimeDays`, `must be shorter than validityDays (${defaults.validityDays})`);
  }
  return defaults;
}
