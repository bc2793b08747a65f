import { asBlocker } from '../../azure/rest-errors.ts';
import { RotationError } from '../../rotation/errors.ts';
import type { Call, Issued, Rotator, Slot, Target } from '../../rotation/ports.ts';
import type { ArmClientDeps } from '../../azure/arm/client.ts';
import { createArmClient } from '../../azure/arm/client.ts';
import { parseAddress, splitAddress } from './config.ts';
import { createKeyring } from './keyring.ts';
import type { ArmKeyConfig, ArmKeyRow, ArmVerb, CloudNames, DataPlane } from './row.ts';
import { swapBlockers } from './swap.ts';

export type ArmKeyDeps = ArmClientDeps & CloudNames;

/**
 * The rotator of one row: two keys that ARM lists and regenerates. The system makes the value, and both keys work until
 * one is regenerated, so the idle key is regenerated, and the one in use never.
 */
export function armKeyRotator(row: ArmKeyRow, deps: ArmKeyDeps): Rotator<ArmKeyConfig> {
  const arm = createArmClient(deps);
  const keyring = createKeyring(row, arm);

  /** @throws CREDENTIAL_REJECTED when another key is in the slot */
  async function readBack(config: ArmKeyConfig, issued: Issued, call: Call): Promise<void> {
    const held = (await keyring.read(config, [], call)).get(issued.slot);
    if (held?.equals(issued.value) === true) return;
    const message = `ARM says that ${issued.slot} of ${row.noun} ${config.name} is not the key that was tried`;
    throw new RotationError({ code: 'CREDENTIAL_REJECTED', recovery: 'retry', message });
  }

  async function test({ config }: Target<ArmKeyConfig>, issued: Issued, call: Call): Promise<void> {
    if (row.proof === 'read back') return readBack(config, issued, call);
    if (row.proof.sendsKey) await readBack(config, issued, call);
    const host = hostOf(row.proof, row, config, deps);
    const listed = () => keyring.listed(config, call);
    if ((await row.proof.prove({ config, host, issued, listed, call })) === 'proved') return;
    await readBack(config, issued, call);
  }

  return {
    kind: row.kind,
    capabilities: {
      minting: 'system',
      overlap: 'two-slots',
      revocable: true,
      proof: row.proof === 'read back' ? 'read-back' : 'log-in',
    },
    claims: (address) => splitAddress(row, address) !== undefined,
    parseTarget(input) {
      const { id, current, slots, config } = parseAddress(row, input);
      const reached = row.proof === 'read back' ? [] : [hostOf(row.proof, row, config, deps)];
      const users = row.users === undefined ? {} : { namesUsers: true as const };
      return { id, current, slots, config, ...users, hosts: [arm.host, ...reached] };
    },
    describe: ({ config }, slot) => [
      `${lineOf(row, arm.host, config, row.list(config))} (reads both keys)`,
      `${lineOf(row, arm.host, config, row.regenerate(slot, config))} (makes a new ${slot})`,
    ],
    async check(target, slot, current, call) {
      try {
        return swapBlockers(row, target, slot, current, await keyring.read(target.config, needed(row, target), call));
      } catch (error) {
        return [asBlocker(error)];
      }
    },
    async list({ config, slots }, call) {
      const keys = await keyring.read(config, [], call);
      return slots.filter((slot) => keys.has(slot)).map((slot) => ({ credentialId: slot, slot }));
    },
    async set(target, { slot, current, rotationId }, call) {
      const keys = await keyring.read(target.config, needed(row, target), call);
      const [blocker] = swapBlockers(row, target, slot, current, keys);
      if (blocker !== undefined) throw new RotationError({ recovery: 'reconfigure', ...blocker });
      const renewed = await keyring.renew(target, slot, { rotationId }, call);
      if (renewed === 'pending') return renewed;
      // Some services answer without the key (facts C): then it has to be read.
      const key = renewed === 'renewed' ? await keyring.renewed(target.config, slot, call) : renewed;
      return { credentialId: slot, slot, ...key };
    },
    test,
    revoke: async (target, slot, _how, call) => {
      if ((await keyring.renew(target, slot, 'revoke', call)) !== 'pending') return;
      const message = `${row.noun} ${target.config.name} is still making a new ${slot}, and until then the old one works`;
      throw new RotationError({ code: 'TIMED_OUT', recovery: 'retry', effect: 'unknown', message });
    },
  };
}

/** The slots that must hold a key before a swap: of a pair that the tags name, the second may still have to be made. */
function needed(row: ArmKeyRow, target: Target<ArmKeyConfig>): readonly Slot[] {
  return 'rule' in row.pairs ? [] : target.slots;
}

function hostOf(plane: DataPlane, row: ArmKeyRow, config: ArmKeyConfig, names: CloudNames): string {
  const own = plane.suffix === undefined ? names.storageSuffix : plane.suffix;
  return plane.host(config, names.serviceSuffixes[row.kind] ?? own);
}

function lineOf(row: ArmKeyRow, host: string, config: ArmKeyConfig, verb: ArmVerb): string {
  const query = new URLSearchParams({ 'api-version': row.apiVersion, ...verb.query });
  const body = verb.body === undefined ? '' : ` ${JSON.stringify(verb.body)}`;
  return `${verb.method ?? 'POST'} https://${host}${verb.on ?? config.path}${verb.path}?${query.toString()}${body}`;
}
