/**
 * Two certificates and a secret of the vault `kv`, and who uses them: for the demo and for `npm run sandbox`.
 *
 *     await seedConsumers(sandbox, { expiresInMs: 60 * 86_400_000 });
 *     CONSUMERS.flatMap(({ uses }) => uses);          // every one that the app is to find, with its host names
 */
import { randomBytes } from 'node:crypto';
import type { Sandbox } from '../sandbox.ts';
import { directoriesOf } from '../vault-directories.ts';
import { apiManagement } from './api-management.ts';
import { appServiceCertificate, appServiceReferences } from './app-service.ts';
import { applicationGateway } from './application-gateway.ts';
import { makeSigned, RENEWED, type Names } from './authority.ts';
import { containerAppsCertificate, containerAppsSecret } from './container-apps.ts';
import { frontDoor } from './front-door.ts';
import { PLAIN, SELF_SIGNED, SIGNED, type Holder, type Used, type World } from './holder.ts';

/** A further service is one line here. */
export const CONSUMERS: readonly Holder[] = [
  appServiceCertificate,
  appServiceReferences,
  applicationGateway,
  frontDoor,
  apiManagement,
  containerAppsCertificate,
  containerAppsSecret,
];

/** Every host name that serves the certificate. */
export function hostsOf(object: Used): Names {
  const [first, ...others] = CONSUMERS.flatMap(({ uses }) => uses)
    .filter((use) => use.object === object)
    .flatMap(({ hosts }) => hosts);
  if (first === undefined) throw new Error(`nobody serves ${object}`);
  return [first, ...others];
}

export async function seedConsumers(sandbox: Sandbox, { expiresInMs }: { expiresInMs: number }): Promise<void> {
  const { vault } = sandbox;
  const names = hostsOf(SELF_SIGNED);
  const policy = {
    x509_props: { subject: `CN=${names[0]}`, sans: { dns_names: names } },
    // The vault writes mails, and renews nothing by itself.
    lifetime_actions: [{ trigger: { days_before_expiry: 30 }, action: { action_type: 'EmailContacts' } }],
  };
  await vault.certificates.seed('kv', SELF_SIGNED, policy, { expiresInMs, tags: RENEWED });
  await makeSigned(sandbox, SIGNED, hostsOf(SIGNED), expiresInMs);
  vault.seed('kv', PLAIN, { value: `first-${randomBytes(12).toString('hex')}` });
  const world = worldOf(sandbox);
  for (const holder of CONSUMERS) holder.put(world);
}

function worldOf({ arm, ctx, vault }: Sandbox): World {
  const directories = directoriesOf(vault);
  return {
    ...{ arm, directories },
    now: ctx.clock.now(),
    vaultId: `/subscriptions/${arm.subscriptionId}/resourceGroups/rg-sandbox/providers/Microsoft.KeyVault/vaults/kv`,
    secretUrl: (object) => `${vault.url('kv')}/secrets/${object}`,
    newest: (object) => vault.peek('kv', object).at(-1)?.id ?? '',
    certificate(object) {
      const found = directories.certificates.lookUp('kv', object);
      if (found === undefined) throw new Error(`there is no ${object}`);
      return found;
    },
  };
}
