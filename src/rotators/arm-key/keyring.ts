import { RotationError } from '../../rotation/errors.ts';
import type { Call, Issued, SecretValue, Slot, Target } from '../../rotation/ports.ts';
import type { ArmClient, ArmOutcome, ArmRequest, Unfinished } from '../../azure/arm/client.ts';
import type { ArmKeyConfig, ArmKeyRow, ArmVerb } from './row.ts';
import { itemsIn, textIn } from './shapes.ts';

type Keys = ReadonlyMap<Slot, SecretValue>;
type How = Pick<ArmRequest, 'mutates' | 'goneIsSuccess'>;

/** What a new key is made for. A revoke of a resource that is gone has nothing to do. */
export type Purpose = { readonly rotationId: string } | 'revoke';

/** The keys of a row's resources, as ARM has them. */
export interface Keyring {
  /** ARM's answer to the row's `list`, as it is. */
  listed(config: ArmKeyConfig, call: Call): Promise<unknown>;
  /** Every key that ARM lists. @throws UNAVAILABLE when one of the slots that are needed is not among them */
  read(config: ArmKeyConfig, needed: readonly Slot[], call: Call): Promise<Keys>;
  /**
   * Makes a new key in the slot. What ARM has not ended by now is remembered by this worker, so that the same call goes on
   * with it; another worker starts again, and the service makes one more key or says that it is busy.
   * @returns the key, where the answer has it whole
   */
  renew(
    target: Target<ArmKeyConfig>,
    slot: Slot,
    purpose: Purpose,
    call: Call,
  ): Promise<NewKey | 'renewed' | 'pending'>;
  /** The key that `renew` has made. @throws with effect `applied`: the slot has its new key, only reading it failed */
  renewed(config: ArmKeyConfig, slot: Slot, call: Call): Promise<NewKey>;
}

export type NewKey = Pick<Issued, 'value' | 'user'>;

/** The resource does not exist, and that is as good as done. */
class Gone extends Error {}

export function createKeyring(row: ArmKeyRow, arm: ArmClient): Keyring {
  /** By resource and slot. An operation for another purpose is none of this one's: it is forgotten. */
  const operations = new Map<string, { readonly purpose: string; readonly unfinished: Unfinished }>();

  /** @throws Gone, if that is as good */
  async function ask(config: ArmKeyConfig, verb: ArmVerb, goneIsSuccess: boolean, call: Call): Promise<unknown> {
    const pages: unknown[] = [];
    for (let token: string | undefined = ''; token !== undefined && pages.length < MOST_PAGES;) {
      const query = token === '' ? {} : { query: { ...verb.query, [SKIP_TOKEN]: token } };
      const request = requestOf(row, config, { ...verb, ...query }, { mutates: false, goneIsSuccess });
      const outcome = await arm.send(request, call);
      if ('gone' in outcome) throw new Gone();
      const body = bodyOf(outcome);
      pages.push(body);
      token = nextPage(body);
    }
    return pages.length === 1 ? pages[0] : { value: pages.flatMap((page) => itemsIn(page, 'value')) };
  }

  const listed = (config: ArmKeyConfig, call: Call): Promise<unknown> => ask(config, row.list(config), false, call);

  async function read(config: ArmKeyConfig, needed: readonly Slot[], call: Call): Promise<Keys> {
    const keys = row.readKeys(await listed(config, call), config);
    const missing = needed.filter((slot) => !keys.has(slot));
    if (missing.length === 0) return keys;
    throw lacking(row, config, missing);
  }

  async function begin(config: ArmKeyConfig, slot: Slot, goneIsSuccess: boolean, call: Call): Promise<ArmOutcome> {
    const read = (question: ArmVerb): Promise<unknown> => ask(config, question, goneIsSuccess, call);
    const verb = (await row.prepare?.(slot, config, read)) ?? row.regenerate(slot, config);
    return arm.send(requestOf(row, config, verb, { mutates: true, goneIsSuccess }), call);
  }

  return {
    listed,
    read,
    async renew({ id, config }, slot, purpose, call) {
      const name = `${id}|${slot}`;
      const why = purpose === 'revoke' ? purpose : purpose.rotationId;
      const kept = operations.get(name);
      const known = kept?.purpose === why ? kept.unfinished : undefined;
      operations.delete(name);
      try {
        const outcome =
          known === undefined ? await begin(config, slot, purpose === 'revoke', call) : await arm.follow(known, call);
        if ('unfinished' in outcome) {
          operations.set(name, { purpose: why, unfinished: outcome.unfinished });
          return 'pending';
        }
        return keyIn(row, bodyOf(outcome), config, slot) ?? 'renewed';
      } catch (error) {
        if (error instanceof Gone) return 'renewed';
        // Only the question about the operation went unanswered; the operation goes on.
        const unanswered = error instanceof RotationError && error.code !== 'UNAVAILABLE';
        if (known !== undefined && unanswered) operations.set(name, { purpose: why, unfinished: known });
        throw error;
      }
    },
    async renewed(config, slot, call) {
      try {
        const key = keyIn(row, await listed(config, call), config, slot);
        if (key !== undefined) return key;
        throw lacking(row, config, [slot]);
      } catch (error) {
        if (!(error instanceof RotationError)) throw error;
        const { code, recovery, message, remedy, retryAfterMs } = error;
        const given = {
          ...(remedy === undefined ? {} : { remedy }),
          ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
        };
        throw new RotationError({ code, recovery, message, effect: 'applied', cause: error, ...given });
      }
    },
  };
}

/** The key with its id, where it has one; undefined when the answer lacks either. */
function keyIn(row: ArmKeyRow, body: unknown, config: ArmKeyConfig, slot: Slot): NewKey | undefined {
  const value = row.readKeys(body, config).get(slot);
  if (value === undefined || row.users === undefined) return value === undefined ? undefined : { value };
  const user = row.users(body).get(slot);
  return user === undefined ? undefined : { value, user };
}

function lacking(row: ArmKeyRow, { name }: ArmKeyConfig, slots: readonly Slot[]): RotationError {
  const message = `ARM's answer about ${row.noun} ${name} holds no ${slots.join(' and no ')}`;
  return new RotationError({ code: 'UNAVAILABLE', recovery: 'retry', message });
}

const SKIP_TOKEN = '$skipToken';
const MOST_PAGES = 20;

/** A page names the next one by a URL. Only its token is taken from there: what it names is the call that was made already. */
function nextPage(body: unknown): string | undefined {
  const link = textIn(body, 'nextLink');
  if (link === undefined || !URL.canParse(link)) return undefined;
  return new URL(link).searchParams.get(SKIP_TOKEN) ?? undefined;
}

function bodyOf(outcome: ArmOutcome): unknown {
  return 'body' in outcome ? outcome.body : undefined;
}

function requestOf(row: ArmKeyRow, config: ArmKeyConfig, verb: ArmVerb, how: How): ArmRequest {
  const { action, body, ifMatch } = verb;
  return {
    method: verb.method ?? 'POST',
    path: (verb.on ?? config.path) + verb.path,
    query: { 'api-version': row.apiVersion, ...verb.query },
    ...(body === undefined ? {} : { body }),
    ...(ifMatch === undefined ? {} : { ifMatch }),
    ...{ action, scope: decodeURIComponent(verb.on ?? config.path), role: row.role, ...how },
  };
}
