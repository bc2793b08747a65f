import { randomBytes } from 'node:crypto';
import { DefaultAzureCredential } from '@azure/identity';
import { SecretClient } from '@azure/keyvault-secrets';
import { certificateClient, makeSigned } from '../consumers/authority.ts';
import { hostsOf } from '../consumers/consumers.ts';
import { PLAIN, SELF_SIGNED, SIGNED } from '../consumers/holder.ts';
import type { Sandbox } from '../sandbox.ts';
import { READER } from './objects.ts';

const POLL_MS = 250;

/** Gives all three a new version, through the vault's own API; the authority signs what it is asked to. */
export async function renew(sandbox: Sandbox, say: (line: string) => void): Promise<void> {
  const certificates = certificateClient(sandbox);
  const { policy } = await certificates.getCertificate(SELF_SIGNED);
  if (policy === undefined) throw new Error(`${SELF_SIGNED} has no policy`);
  const made = await certificates.beginCreateCertificate(SELF_SIGNED, policy, { intervalInMs: POLL_MS });
  await made.pollUntilDone();
  say(`${SELF_SIGNED} has a new version, signed by itself.`);
  await makeSigned(sandbox, SIGNED, hostsOf(SIGNED));
  say(`${SIGNED} has a new version, whose request the authority has signed.`);
  const secrets = new SecretClient(sandbox.vault.url('kv'), new DefaultAzureCredential(), {
    userAgentOptions: { userAgentPrefix: READER },
  });
  await secrets.setSecret(PLAIN, `second-${randomBytes(12).toString('hex')}`);
  say(`${PLAIN} has a new value.`);
}
