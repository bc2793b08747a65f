import { RotationError } from '../../rotation/errors.ts';
import type { Blocker, Call, Issued, Rotator, SecretValue, Slot, Target } from '../../rotation/ports.ts';
import type { ArmClientDeps, ArmRequest } from './client.ts';
import { createArmClient } from './client.ts';
import type { ArmKeyConfig } from './config.ts';
import { parseAddress, splitAddress } from './config.ts';
import type { ArmKeyRow, ArmVerb, CloudNames } from './rows.ts';

export type ArmKeyDeps = ArmClientDeps & CloudNames;

type Effects = Pick<ArmRequest, 'mutates' | 'goneIsSuccess'>;
type Keys = ReadonlyMap<Slot, SecretValue>;

/**
 * The rotator of one row: two keys that ARM lists and regenerates. The system makes the value, and both keys work until
 * one is regenerated, so the idle key is regenerated, and the one in use never.
 */
export function armKeyRotator(row: ArmKeyRow, deps: ArmKeyDeps): Rotator<ArmKeyConfig> {
  const arm = createArmClient(deps);

  function post(config: ArmKeyConfig, verb: ArmVerb, how: Effects, call: Call): Promise<unknown> {
    const { action, body, query } = verb;
    return arm.post(
      {
        path: config.path + verb.path,
        query: { 'api-version': row.apiVersion, ...query },
        ...(body === undefined ? {} : { body }),
        ...{ action, scope: decodeURIComponent(config.path), role: row.role, ...how },
      },
      call,
    );
  }

  async function readKeys(config: ArmKeyConfig, call: Call): Promise<Keys> {
    const keys = row.readKeys(await post(config, row.list, { mutates: false }, call));
    const missing = row.slots.filter((slot) => !keys.has(slot));
    if (missing.length === 0) return keys;
    const message = `ARM's answer about ${row.noun} ${config.name} holds no ${missing.join(' and no ')}`;
    throw new RotationError({ code: 'UNAVAILABLE', recovery: 'retry', message });
  }

  async function regenerate(config: ArmKeyConfig, slot: Slot, call: Call): Promise<SecretValue> {
    const answered = row.readKeys(await post(config, row.regenerate(slot), { mutates: true }, call)).get(slot);
    // Some services answer without the key (facts C): then it has to be read.
    return answered ?? readBack(config, slot, call);
  }

  async function readBack(config: ArmKeyConfig, slot: Slot, call: Call): Promise<SecretValue> {
    try {
      const value = (await readKeys(config, call)).get(slot);
      if (value !== undefined) return value;
      throw new TypeError(`${slot} is not a slot of ${row.kind}`);
    } catch (error) {
      // The slot has its new key already; only reading it failed.
      if (!(error instanceof RotationError)) throw error;
      const { code, recovery, message, remedy, retryAfterMs } = error;
      const given = {
        ...(remedy === undefined ? {} : { remedy }),
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      };
      throw new RotationError({ code, recovery, message, effect: 'applied', cause: error, ...given });
    }
  }

  return {
    kind: row.kind,
    capabilities: { minting: 'system', overlap: 'two-slots', revocable: true, proof: 'log-in' },
    claims: (address) => splitAddress(row, address) !== undefined,
    parseTarget(input) {
      const { id, current, config } = parseAddress(row, input);
      return { id, current, config, slots: row.slots, hosts: [arm.host, ...row.hosts(config, deps)] };
    },
    describe: (target, slot) => [
      `POST https://${arm.host}${target.config.path}${row.list.path}?api-version=${row.apiVersion} (reads both keys)`,
      regenerateLine(row, arm.host, target.config, slot),
    ],
    async check(target, slot, current, call) {
      try {
        return swapBlockers(row, target, slot, current, await readKeys(target.config, call));
      } catch (error) {
        return [asBlocker(error)];
      }
    },
    async list(target, call) {
      const keys = await readKeys(target.config, call);
      return row.slots.filter((slot) => keys.has(slot)).map((slot) => ({ credentialId: slot, slot }));
    },
    async set(target, pending, call) {
      const { slot, current } = pending;
      const [blocker] = swapBlockers(row, target, slot, current, await readKeys(target.config, call));
      if (blocker !== undefined) throw new RotationError({ recovery: 'reconfigure', ...blocker });
      return { credentialId: slot, slot, value: await regenerate(target.config, slot, call) };
    },
    test: (target, issued, call) => row.prove(target.config, issued, deps, call),
    // A resource that is gone has no keys.
    revoke: async (target, slot, _how, call) => {
      await post(target.config, row.regenerate(slot), { mutates: true, goneIsSuccess: true }, call);
    },
  };
}

function regenerateLine(row: ArmKeyRow, host: string, config: ArmKeyConfig, slot: Slot): string {
  const verb = row.regenerate(slot);
  const query = new URLSearchParams({ 'api-version': row.apiVersion, ...verb.query });
  const body = verb.body === undefined ? '' : ` ${JSON.stringify(verb.body)}`;
  return `POST https://${host}${config.path}${verb.path}?${query.toString()}${body} (makes a new ${slot})`;
}

/** The swap is refused when regenerating `slot` would destroy the key in use, or when nobody knows which one that is. */
function swapBlockers(
  row: ArmKeyRow,
  target: Target<ArmKeyConfig>,
  slot: Slot,
  current: Issued,
  keys: Keys,
): readonly Blocker[] {
  const what = `${row.noun} ${target.config.name}`;
  const used = row.slots.find((name) => keys.get(name)?.equals(current.value));
  if (used === undefined) {
    const message = `the vault holds neither ${row.slots.join(' nor ')} of ${what}: the key was regenerated by somebody else`;
    const remedy = `Put the key that readers are to use into the vault and its name into the tag CredentialId; look it up with: ${row.listByHand(target.config)}`;
    return [{ code: 'CONFIG_INVALID', message, remedy }];
  }
  if (used !== slot) return [];
  const message = `the vault holds ${used} of ${what}, though the tag CredentialId says ${current.credentialId}: a new ${slot} would destroy the key in use`;
  const remedy = `Set the tag CredentialId=${used} (give all tags of the secret, the command replaces them): az keyvault secret set-attributes --vault-name <vault> --name <secret> --tags CredentialId=${used} ...`;
  return [{ code: 'CONFIG_INVALID', message, remedy }];
}

/** What the settings' owner has to mend is a blocker; not being able to look is thrown. */
function asBlocker(error: unknown): Blocker {
  if (!(error instanceof RotationError)) throw error;
  const { code, message, remedy } = error;
  if (code !== 'ACCESS_DENIED' && code !== 'TARGET_NOT_FOUND' && code !== 'CONFIG_INVALID') throw error;
  return { code, message, remedy: remedy ?? 'Look at the message of the service.' };
}
