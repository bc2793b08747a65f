import { nearest } from './spelling.ts';
import { readJsonObject, setting, type Env, type Report } from './values.ts';

/** How far consumers are changed for a new version. */
export interface ConsumerSettings {
  /** What an App Service app gets after its references were refreshed: only where needed, always, or never. */
  readonly restart: 'soft' | 'full' | 'none';
  /** Whether a reference that names a version is rewritten. */
  readonly rewritePinned: boolean;
  /** Whether Front Door is waited for, or given a new secret. */
  readonly frontDoor: 'follow' | 'push';
  /** Whether API Management is waited for, or updated. */
  readonly apiManagement: 'follow' | 'push';
  /** Whether clusters are asked, by commands with an administrator's rights, and their workloads restarted. */
  readonly aks: 'off' | 'restart';
  /** The key of the setting of App Configuration stores that is changed so that apps look again; false: none is. */
  readonly sentinel: string | false;
}

const NAME = 'KEYTURN_CONSUMERS';

type Chosen = Exclude<keyof ConsumerSettings, 'sentinel'>;

/** Each setting with the values that it takes, the default first. */
const CHOICES: { readonly [K in Chosen]: readonly [ConsumerSettings[K], ...ConsumerSettings[K][]] } = {
  restart: ['soft', 'full', 'none'],
  rewritePinned: [false, true],
  frontDoor: ['follow', 'push'],
  apiManagement: ['follow', 'push'],
  aks: ['off', 'restart'],
};

/** KEYTURN_CONSUMERS: a JSON object with any of them. */
export function readConsumers(env: Env, report: Report): ConsumerSettings {
  const raw = readJsonObject(env, NAME, report) ?? {};
  const known = [...Object.keys(CHOICES), 'sentinel'];
  for (const key of Object.keys(raw)) {
    if (known.includes(key)) continue;
    const meant = nearest(key, known);
    const hint = meant === undefined ? `there are ${known.join(', ')}` : `did you mean ${meant}?`;
    report(`${NAME}.${key}`, `there is no such setting; ${hint}`);
  }
  const one = <K extends Chosen>(key: K): ConsumerSettings[K] => {
    const choices: readonly ConsumerSettings[K][] = CHOICES[key];
    const [fallback] = CHOICES[key];
    const value = raw[key] ?? fallback;
    const chosen = choices.find((choice) => choice === value);
    if (chosen !== undefined) return chosen;
    report(`${NAME}.${key}`, `must be ${choices.map((choice) => JSON.stringify(choice)).join(' or ')}`);
    return fallback;
  };
  return {
    restart: one('restart'),
    rewritePinned: one('rewritePinned'),
    frontDoor: one('frontDoor'),
    apiManagement: one('apiManagement'),
    aks: one('aks'),
    sentinel: readSentinel(raw['sentinel'], report),
  };
}

const SENTINEL = 'Keyturn:Sentinel';
const LONGEST_KEY = 1000;

/** A key as App Configuration takes it (docs: concept-key-value.md): no %, and neither . nor .. */
function readSentinel(value: unknown, report: Report): string | false {
  if (value === undefined || value === null) return SENTINEL;
  if (value === false) return false;
  const fits = typeof value === 'string' && value.length <= LONGEST_KEY && !/^\s*$|^\.{1,2}$|%/.test(value);
  if (fits && value.isWellFormed()) return value;
  report(`${NAME}.sentinel`, `must be a key of App Configuration, as "${SENTINEL}", or false`);
  return SENTINEL;
}

/** Resource Graph takes no more in one query. */
const MOST_SUBSCRIPTIONS = 1000;
const GUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;

/** KEYTURN_SUBSCRIPTIONS: ids, separated by spaces or commas; none: no consumers are looked for. */
export function readSubscriptions(env: Env, report: Report): readonly string[] {
  const name = 'KEYTURN_SUBSCRIPTIONS';
  const words = (setting(env, name) ?? '').split(/[\s,]+/).filter((word) => word !== '');
  const found: string[] = [];
  for (const [index, word] of words.entries()) {
    const id = word.toLowerCase();
    if (!GUID.test(id)) report(`${name}[${index}]`, `'${word}' is not the id of a subscription, which is a GUID`);
    else if (found.includes(id)) report(`${name}[${index}]`, `'${word}' is named twice`);
    else found.push(id);
  }
  if (found.length > MOST_SUBSCRIPTIONS) report(name, `names more than ${MOST_SUBSCRIPTIONS} subscriptions`);
  return found;
}
