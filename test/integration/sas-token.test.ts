/** SAS tokens at real Azurite, which verifies them, and through a whole rotation of the key that signs them. */
import {
  AccountSASPermissions,
  BlobServiceClient,
  ContainerClient,
  generateAccountSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAzuriteBlobs, type AzuriteBlobs } from '../../sandbox/azurite/blobs.ts';
import { installSandboxDns } from '../../sandbox/dns.ts';
import { createRun, type Run } from '../../sandbox/run.ts';
import { trustSandbox } from '../../sandbox/trust.ts';
import { SecretValue, type Call, type CurrentVersion, type Issued, type Rotator } from '../../src/rotation/ports.ts';
import { parseValue } from '../../src/rotation/value/value.ts';
import { prove } from '../../src/rotators/sas-token/prove.ts';
import { sasTokenRotator } from '../../src/rotators/sas-token/rotator.ts';
import { sign } from '../../src/rotators/sas-token/sign.ts';

const VAULT = 'https://kv.vault.azure.net';
const DAY = 86_400_000;
const FIRST = { credentialId: '', slot: '', value: new SecretValue('sig=first') };

describe('a SAS token at Azurite', () => {
  let run: Run;
  let azurite: AzuriteBlobs;
  let rotator: Rotator;
  let restore: readonly (() => void)[] = [];

  beforeAll(async () => {
    run = await createRun();
    restore = [installSandboxDns(), trustSandbox(run.ctx.pki)];
    azurite = await startAzuriteBlobs(run.ctx);
    const { account, key, suffix } = azurite;
    const text = `DefaultEndpointsProtocol=https;AccountName=${account};AccountKey=${key};EndpointSuffix=core.windows.net`;
    rotator = sasTokenRotator({
      serves: () => true,
      read: () => Promise.resolve(versionOf(text)),
      parseValue,
      storageSuffix: suffix,
    });
    // With a token of the SDK's own: what a shared key signs has the path in it, which changes on the way to Azurite.
    const owner = generateAccountSASQueryParameters(
      {
        expiresOn: new Date(run.ctx.clock.now().getTime() + DAY),
        permissions: AccountSASPermissions.parse('rwlc'),
        services: 'b',
        resourceTypes: 'sco',
      },
      new StorageSharedKeyCredential(account, key),
    );
    const service = new BlobServiceClient(`https://${account}.blob.${suffix}/?${owner.toString()}`);
    const container = service.getContainerClient('reports');
    await container.create();
    await container.getBlockBlobClient('a b/ü.csv').upload('1,2', 3);
  });
  afterAll(async () => {
    await azurite.stop();
    for (const one of [...restore].reverse()) one();
    run.dispose();
  });

  const call = (): Call => ({ signal: AbortSignal.timeout(20_000), now: () => run.ctx.clock.now() });
  const targetOf = (rights: string) =>
    rotator.parseTarget({
      credentialId: '',
      providerAddress: `${VAULT}/secrets/key?account=${azurite.account}&${rights}`,
    });
  async function made(rights: string, expiresOn = new Date(run.ctx.clock.now().getTime() + DAY)): Promise<Issued> {
    const pending = { rotationId: 'r', slot: '', current: FIRST, expiresOn };
    const issued = await rotator.set(targetOf(rights), pending, call());
    return issued === 'pending' ? expect.fail('it is made at once') : issued;
  }

  it.each([
    ['of the account', 'ss=b&srt=sco&sp=rwl'],
    ['of the account, for reading the service only', 'ss=bq&srt=s&sp=r'],
    ['of a container', 'container=reports&sp=rl'],
    ['of a container that may not be listed', 'container=reports&sp=r'],
    ['of a blob with an awkward name', `container=reports&blob=${encodeURIComponent('a b/ü.csv')}&sp=r`],
    ['of a blob that is not there yet', 'container=reports&blob=tomorrow.csv&sp=r'],
    ['whose rights the proof goes past: writing only', 'ss=b&srt=o&sp=w'],
    ['whose rights the proof goes past: another service only', 'container=reports&sp=cw'],
  ])('%s is accepted', async (_, rights) => {
    await rotator.test(targetOf(rights), await made(rights), call());
  });

  it('opens what it is for to the service’s own client, and nothing else', async () => {
    const { value } = await made('container=reports&sp=rl');
    const url = `https://${azurite.account}.blob.${azurite.suffix}/reports?${value.reveal()}`;
    const container = new ContainerClient(url, undefined, { retryOptions: { maxTries: 1 } });
    const names: string[] = [];
    for await (const { name } of container.listBlobsFlat()) names.push(name);
    expect(names).toEqual(['a b/ü.csv']);
    expect(await (await fetch(container.getBlobClient('a b/ü.csv').url)).text()).toBe('1,2');
    await expect(container.getBlockBlobClient('x').upload('', 0)).rejects.toMatchObject({ statusCode: 403 });
  });

  it('for a container that is not there says so', async () => {
    const rights = 'container=nothing&sp=rl';
    await expect(rotator.test(targetOf(rights), await made(rights), call())).rejects.toMatchObject({
      code: 'TARGET_NOT_FOUND',
      recovery: 'reconfigure',
    });
  });

  it.each([
    ['by another key', DAY, Buffer.alloc(64, 7).toString('base64')],
    ['with an end that is past', -DAY, undefined],
  ])('signed %s is refused by the service itself', async (_, life, key) => {
    const { config } = targetOf('ss=b&srt=sco&sp=rl') as ReturnType<ReturnType<typeof sasTokenRotator>['parseTarget']>;
    const end = new Date(run.ctx.clock.now().getTime() + life);
    const token = await sign(config, new SecretValue(key ?? azurite.key), end);
    // Azurite answers 403 AuthorizationFailure where Azure answers AuthenticationFailed: refused all the same.
    await expect(prove(config, token, call())).rejects.toThrow(/answered 403 Auth(?:oriza|entica)tionFail/);
  });
});

function versionOf(text: string): CurrentVersion {
  const at = new Date(0);
  return {
    version: 'v1',
    enabled: true,
    managed: false,
    createdOn: at,
    updatedOn: at,
    tags: { Rotator: 'storage-account' },
    value: new SecretValue(text),
  };
}
