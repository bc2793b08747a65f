import { RotationError, type Effect } from '../../rotation/errors.ts';
import type { Blocker, Call, Issued, Pending, Rotator } from '../../rotation/ports.ts';
import { SecretValue } from '../../rotation/ports.ts';
import { ask, tryKey, type Answered, type HttpApiDeps } from './client.ts';
import { isKeyId, parseInstanceTarget, readInstances, type HttpApi, type HttpApiSetting } from './config.ts';
import { labelOf } from './label.ts';
import { listKeys } from './listing.ts';
import { momentAt, textAt } from './pointer.ts';
import { expiryValues, lineOf } from './requests.ts';
import { fullBlocker, strayKey } from './room.ts';
import { confirmGone, strangeKey } from './standing.ts';

/**
 * Keys of any service whose API makes and revokes them, each as its description says. The service makes the value; each
 * rotation makes one key more, named after the rotation, and the old one goes when its overlap is over.
 * @param settings the instances: which service, which account, whose credential; nothing of it comes from a tag
 * @throws CONFIG_INVALID with every problem of every instance and description
 */
export function httpApiRotator({
  instances: settings,
  ...deps
}: HttpApiDeps & { readonly instances: readonly HttpApiSetting[] }): Rotator<HttpApi> {
  const instances = readInstances(settings);
  return {
    kind: 'http-api',
    capabilities: { minting: 'system', overlap: 'many', revocable: true, proof: 'log-in' },
    // An instance's name is no address: only the tag Rotator says that it is meant.
    claims: () => false,
    parseTarget: (input) => parseInstanceTarget(instances, input),
    describe: ({ config }) => [
      `${lineOf(config, config.description.create, FOR_PEOPLE)} (makes a key${config.description.label === undefined ? '' : ' named after the rotation'})`,
    ],
    check: (target, _slot, current, call) => blockers(deps, target.config, current, call),
    list: ({ config }, call) => listKeys(deps, config, call),
    set: ({ config }, pending, call) => create(deps, config, pending, call),
    async test({ config }, issued, call) {
      const { body } = await tryKey(deps, config, issued, call);
      const { id } = config.description.test;
      const used = id === undefined ? undefined : textAt(body, id);
      if (used !== undefined && used !== issued.credentialId) throw anotherKey(config, issued, used);
    },
    revoke: ({ config }, id, _how, call) => revoke(deps, config, id, call),
  };
}

/** What only a rotation knows stands in an address of `create` seldom, and as its name where it does. */
const FOR_PEOPLE = {
  label: 'label',
  'expires.iso': 'expires.iso',
  'expires.date': 'expires.date',
  'expires.epoch': 'expires.epoch',
  'expires.seconds': 'expires.seconds',
};

async function blockers(deps: HttpApiDeps, api: HttpApi, current: Issued, call: Call): Promise<readonly Blocker[]> {
  try {
    const keys = await listKeys(deps, api, call);
    const found = [fullBlocker(api, keys, current.credentialId), await strangeKey(deps, api, keys, current, call)];
    return found
      .filter((one) => one !== undefined)
      .map(({ message, remedy = '' }) => ({ code: 'CONFIG_INVALID', message, remedy }));
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    const { code, message, remedy = '' } = error;
    if (code !== 'ACCESS_DENIED' && code !== 'TARGET_NOT_FOUND' && code !== 'CONFIG_INVALID') throw error;
    return [{ code, message, remedy }];
  }
}

async function create(deps: HttpApiDeps, api: HttpApi, pending: Pending, call: Call): Promise<Issued> {
  const { label, create: operation } = api.description;
  const keys = await listKeys(deps, api, call);
  const obstacle =
    (await strangeKey(deps, api, keys, pending.current, call)) ??
    (label === undefined ? strayKey(api, keys, pending) : fullBlocker(api, keys, pending.current.credentialId));
  if (obstacle !== undefined) throw obstacle;
  const expiry = expiryValues(api, call);
  const values = {
    ...expiry?.values,
    ...(label === undefined ? {} : { label: labelOf(pending.rotationId, label.maxLength) }),
  };
  const answer = await created(api, () =>
    ask(deps, api, operation, { what: 'creating a key', writes: true, values }, call),
  );
  return issuedIn(api, answer, expiry?.at);
}

/** Where a key carries no name, one that was made without our knowing cannot be told from others: a person has to look. */
async function created(api: HttpApi, work: () => Promise<Answered>): Promise<Answered> {
  try {
    return await work();
  } catch (error) {
    if (api.description.label !== undefined || !(error instanceof RotationError) || error.effect === 'none')
      throw error;
    throw maybeMade(api, error.effect, error.message);
  }
}

function issuedIn(api: HttpApi, { body }: Answered, expiresAt: Date | undefined): Issued {
  const { answer } = api.description.create;
  const credentialId = textAt(body, answer.id);
  const value = textAt(body, answer.value);
  if (credentialId === undefined || !isKeyId(credentialId) || value === undefined) {
    const lacks = `the answer to creating a key at ${api.name} holds no ${value === undefined ? `value at '${answer.value}'` : `id that a tag can hold at '${answer.id}'`}`;
    if (api.description.label === undefined) throw maybeMade(api, 'applied', lacks);
    throw new RotationError({
      code: 'CONFIG_INVALID',
      recovery: 'reconfigure',
      effect: 'applied',
      message: `${lacks}; the key that was made is removed at the next attempt`,
      remedy: `Compare create.answer in the description of ${api.setting} with ${api.description.documentation}`,
    });
  }
  const notAfter = (answer.expires === undefined ? undefined : momentAt(body, answer.expires)) ?? expiresAt;
  return {
    credentialId,
    slot: credentialId,
    value: new SecretValue(value),
    ...(notAfter === undefined ? {} : { notAfter }),
  };
}

async function revoke(deps: HttpApiDeps, api: HttpApi, id: string, call: Call): Promise<void> {
  const { revoke: operation } = api.description;
  const asking = { what: `revoking the key ${id}`, writes: true, values: { id }, absent: operation.absent ?? [404] };
  try {
    const { status } = await ask(deps, api, operation, asking, call);
    if (operation.success.includes(status)) return;
  } catch (error) {
    // The description says of a code in the answer that it means: no such key.
    if (!(error instanceof RotationError) || error.code !== 'TARGET_NOT_FOUND') throw error;
  }
  await confirmGone(deps, api, id, call);
}

function maybeMade(api: HttpApi, effect: Effect, why: string): RotationError {
  return new RotationError({
    code: 'HUMAN_REQUIRED',
    recovery: 'human',
    effect,
    message: `${why}; a key may have been made, and nobody knows its value`,
    remedy: `Look at ${api.host} for a key that was made just now and remove it, then POST /api/rotations for the secret. Until it is gone, no other key is made. It lists them: ${lineOf(api, api.description.list, { cursor: '' })}`,
  });
}

function anotherKey(api: HttpApi, issued: Issued, used: string): RotationError {
  return new RotationError({
    code: 'CONFIG_INVALID',
    recovery: 'reconfigure',
    message: `the value is that of the key ${used} at ${api.name}, though the tag CredentialId says ${issued.credentialId}: a rotation would revoke somebody else's key`,
    remedy: `Set the tag CredentialId=${used} (give all tags of the secret, the command replaces them): az keyvault secret set-attributes --vault-name <vault> --name <secret> --tags CredentialId=${used} ...`,
  });
}
