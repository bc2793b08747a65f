/** Wrapping and unwrapping at the simulated vault, with the unmodified SDK. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { CryptographyClient } from '@azure/keyvault-keys';
import { installSandboxDns } from '../../sandbox/dns.ts';
import { startIdentity } from '../../sandbox/identity/identity.ts';
import type { IdentityService } from '../../sandbox/identity/identity.ts';
import { createRun } from '../../sandbox/run.ts';
import { trustSandbox } from '../../sandbox/trust.ts';
import { startVault } from '../../sandbox/vault/vault.ts';
import type { VaultService } from '../../sandbox/vault/vault.ts';
import { credentialOf } from '../support/credential.ts';

const DATA_KEY = Buffer.from('a data key of 32 bytes, in clear.');

let identity: IdentityService;
let vault: VaultService;
const undo: (() => unknown)[] = [];

beforeAll(async () => {
  const run = await createRun();
  identity = await startIdentity(run.ctx);
  vault = await startVault(run.ctx, { identity });
  undo.push(installSandboxDns(), trustSandbox(run.ctx.pki), () => run.dispose());
});

afterAll(async () => {
  await vault.stop();
  await identity.stop();
  for (const one of undo) one();
});

beforeEach(() => vault.setAccess('kv', 'allow'));

function client(version: string): CryptographyClient {
  const options = { retryOptions: { maxRetries: 0 } };
  return new CryptographyClient(`${vault.keys.url('kv', 'cmk')}/${version}`, credentialOf(identity), options);
}

test.each(['RSA-OAEP', 'RSA-OAEP-256'] as const)(
  'what one version has wrapped with %s, that version unwraps and no other',
  async (algorithm) => {
    const old = client(vault.keys.seed('kv', 'cmk').id);
    const { result } = await old.wrapKey(algorithm, DATA_KEY);
    const newer = client(vault.keys.rotate('kv', 'cmk').id);
    expect(Buffer.from((await old.unwrapKey(algorithm, result)).result)).toEqual(DATA_KEY);
    await expect(newer.unwrapKey(algorithm, result)).rejects.toMatchObject({ statusCode: 400, code: 'BadParameter' });
  },
);

test('a disabled version unwraps no longer, until it is enabled again', async () => {
  const { id } = vault.keys.seed('kv', 'cmk');
  const { result } = await client(id).wrapKey('RSA-OAEP-256', DATA_KEY);
  vault.keys.amend('kv', 'cmk', { enabled: false }, id);
  await expect(client(id).unwrapKey('RSA-OAEP-256', result)).rejects.toMatchObject({
    statusCode: 403,
    message: 'Operation unwrapKey is not allowed on a disabled key.',
  });
  vault.keys.amend('kv', 'cmk', { enabled: true }, id);
  await expect(client(id).unwrapKey('RSA-OAEP-256', result)).resolves.toMatchObject({ algorithm: 'RSA-OAEP-256' });
});

test('who may not unwrap is told the action', async () => {
  const { id } = vault.keys.seed('kv', 'cmk');
  const { result } = await client(id).wrapKey('RSA-OAEP-256', DATA_KEY);
  vault.setAccess('kv', { deny: 'ForbiddenByRbac', actions: ['unwrapkey'] });
  await expect(client(id).unwrapKey('RSA-OAEP-256', result)).rejects.toMatchObject({
    statusCode: 403,
    message: expect.stringContaining("'Microsoft.KeyVault/vaults/keys/unwrap/action'") as string,
  });
});
