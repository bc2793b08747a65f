import type { Access, Need } from '../../azure/access.ts';
import { typeOf } from './config.ts';
import type { ArmKeyConfig, ArmKeyRow } from './row.ts';
import { ARM_KEY_ROWS } from './rows.ts';

const TO = 'lists the keys, and makes new ones';

/** Every action that the row's calls name, whatever the address and the slot. */
export function actionsOf(row: ArmKeyRow): readonly string[] {
  const slots = 'rule' in row.pairs ? ['name'] : row.pairs.flat();
  const actions = row.addresses.flatMap((address) => {
    const config = anyOf(address);
    const calls = [row.list(config), ...slots.map((slot) => row.regenerate(slot, config))];
    return calls.map(({ action }) => action);
  });
  return [...new Set([...actions, ...(row.prepares ?? [])])];
}

/** Actions are made of the type, and of no name. */
function anyOf(address: string): ArmKeyConfig {
  const at = `/subscriptions/any/resourceGroups/any/providers/${address}`;
  return { subscriptionId: 'any', resourceGroup: 'any', name: 'any', names: {}, type: typeOf(address), path: at };
}

function needOf(row: ArmKeyRow): Need {
  const at = `the ${row.noun.replace(/^(?:rule|policy|keys|subscription) of (?:the )?/, '')}`;
  if (row.roleIsExact) return { at, to: TO, role: row.role };
  const builtIn = row.role === 'Contributor' ? {} : { builtIn: row.role };
  return { at, to: TO, actions: actionsOf(row), ...builtIn };
}

export const ACCESS: readonly Access[] = ARM_KEY_ROWS.map((row) => ({ of: row.kind, needs: [needOf(row)] }));
