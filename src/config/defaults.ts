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
}

type NumberKey = Exclude<keyof Defaults, 'accounts'>;

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

const ACCOUNTS = ['pair', 'single'] as const;

/** KEYTURN_DEFAULTS: a JSON object with any of the five. */
export function readDefaults(env: Env, report: Report): Defaults {
  const name = 'KEYTURN_DEFAULTS';
  const raw = readJsonObject(env, name, report) ?? {};
  const known = [...Object.keys(BOUNDS), 'accounts'];
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
  const defaults = {
    validityDays: one('validityDays'),
    leadTimeDays: one('leadTimeDays'),
    overlapHours: one('overlapHours'),
    retainVersions: one('retainVersions'),
    accounts: ACCOUNTS.find((kind) => kind === (raw['accounts'] ?? 'pair')) ?? 'pair',
  };
  if (raw['accounts'] !== undefined && raw['accounts'] !== defaults.accounts) {
    report(`${name}.accounts`, `must be ${ACCOUNTS.map((kind) => `"${kind}"`).join(' or ')}`);
  }
  if (defaults.leadTimeDays >= defaults.validityDays) {
    report(`${name}.leadTimeDays`, `must be shorter than validityDays (${defaults.validityDays})`);
  }
  return defaults;
}
