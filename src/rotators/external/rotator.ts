import { RotationError } from '../../rotation/errors.ts';
import type { Blocker, Call, Issued, LiveCredential, Rotator } from '../../rotation/ports.ts';
import { SecretValue } from '../../rotation/ports.ts';
import { misfit, post, type ExternalDeps, type Reply, type Verb } from './client.ts';
import { ID, parseEndpointTarget, type Endpoint, type ExternalSetting, type Overlap } from './config.ts';
import { valueForEndpoint } from './value.ts';

const KINDS: Readonly<Record<Overlap, string>> = { many: 'external', 'two-slots': 'external-pair' };

/**
 * The user's own endpoint plays the rotator: docs/external.md is the protocol. It makes the values; the engine does the rest.
 * @param overlap how old and new coexist there; a rotator of each kind serves its instances
 */
export function externalRotator(
  overlap: Overlap,
  { instances, ...deps }: ExternalDeps & { readonly instances: readonly ExternalSetting[] },
): Rotator<Endpoint> {
  return {
    kind: KINDS[overlap],
    capabilities: { minting: 'system', overlap, revocable: true, proof: 'log-in' },
    claims: () => false,
    parseTarget: (input) => parseEndpointTarget(instances, overlap, (other) => KINDS[other], input),
    describe: ({ config }, slot) => [`POST ${config.url.href} {"verb":"set","slot":"${slot}"} (makes a new value)`],
    async check({ config }, slot, current, call) {
      try {
        const reply = await post(deps, config, 'check', { slot, current: current.credentialId }, call);
        return blockersIn(config, reply);
      } catch (error) {
        return [asBlocker(error)];
      }
    },
    async list({ config }, call) {
      return credentialsIn(config, await post(deps, config, 'list', {}, call));
    },
    async set({ config }, pending, call) {
      const { rotationId, slot, current } = pending;
      if (slot !== '' && slot === current.slot) throw inUse(config, slot);
      const reply = await post(deps, config, 'set', { rotationId, slot, current: current.credentialId }, call);
      return issuedIn(config, reply, slot);
    },
    test: ({ config }, issued, call) => tryIt(deps, config, issued, call),
    revoke: async ({ config }, credentialId, { endSessions }, call) => {
      await post(deps, config, 'revoke', { credentialId, endSessions }, call);
    },
  };
}

/** That a credential is not valid must be said in an answer that is signed: no status of a gateway can say it. */
async function tryIt(deps: ExternalDeps, endpoint: Endpoint, issued: Issued, call: Call): Promise<void> {
  const asked = { credentialId: issued.credentialId, value: valueForEndpoint(issued.value) };
  const { accepted } = await post(deps, endpoint, 'test', asked, call);
  if (accepted === true) return;
  if (accepted !== false) throw misfit(endpoint, 'test', 'does not say "accepted": true or false');
  throw new RotationError({
    code: 'CREDENTIAL_REJECTED',
    recovery: 'retry',
    message: `${endpoint.name} (${endpoint.url.host}) says that ${issued.credentialId} is not accepted with the value that was tried`,
  });
}

function credentialsIn(endpoint: Endpoint, { credentials }: Reply): readonly LiveCredential[] {
  if (!Array.isArray(credentials)) throw misfit(endpoint, 'list', 'holds no list "credentials"');
  return credentials.map((one: unknown) => {
    const credentialId = textIn(one, 'credentialId') ?? missing(endpoint, 'list', 'credentialId');
    const rotationId = textIn(one, 'rotationId');
    const notAfter = momentIn(endpoint, 'list', one);
    return {
      credentialId,
      slot: credentialId,
      ...(rotationId === undefined ? {} : { rotationId }),
      ...(notAfter === undefined ? {} : { notAfter }),
    };
  });
}

function issuedIn(endpoint: Endpoint, reply: Reply, slot: string): Issued {
  const credentialId = textIn(reply, 'credentialId') ?? missing(endpoint, 'set', 'credentialId');
  const value = textIn(reply, 'value') ?? missing(endpoint, 'set', 'value');
  // It becomes the tag CredentialId, which comes back trimmed.
  if (!ID.test(credentialId)) throw misfit(endpoint, 'set', 'holds a "credentialId" that no tag can hold');
  if (slot !== '' && credentialId !== slot)
    throw misfit(endpoint, 'set', `is about ${credentialId}, and ${slot} was asked for`);
  const notAfter = momentIn(endpoint, 'set', reply);
  const expiry = notAfter === undefined ? {} : { notAfter };
  return { credentialId, slot: credentialId, value: new SecretValue(value), ...expiry };
}

/** Whoever reads the vault uses this one: a new value would lock them out. */
function inUse(endpoint: Endpoint, slot: string): RotationError {
  return new RotationError({
    code: 'CONFIG_INVALID',
    recovery: 'reconfigure',
    message: `${slot} at ${endpoint.name} is the credential in use, and is not to get a new value`,
    remedy:
      'Correct the tags CredentialId and AlternateCredentialId of the secret: the first names what is in this version.',
  });
}

const BLOCKERS = ['GRANTS_DIFFER', 'TARGET_NOT_FOUND', 'ACCESS_DENIED', 'CONFIG_INVALID', 'UNAVAILABLE'] as const;

/** The endpoint's words about what is in the way are shown to people: it is asked to put no secret into them. */
function blockersIn(endpoint: Endpoint, { blockers = [] }: Reply): readonly Blocker[] {
  if (!Array.isArray(blockers)) throw misfit(endpoint, 'check', 'holds no list "blockers"');
  return blockers.map((one: unknown) => {
    const code = BLOCKERS.find((known) => known === textIn(one, 'code')) ?? 'CONFIG_INVALID';
    const message = textIn(one, 'message') ?? 'it does not say what';
    const remedy = textIn(one, 'remedy') ?? `The log of ${endpoint.url.host} says more.`;
    return { code, message: `${endpoint.name}: ${message.slice(0, 500)}`, remedy: remedy.slice(0, 500) };
  });
}

function asBlocker(error: unknown): Blocker {
  if (!(error instanceof RotationError)) throw error;
  const { code, message, remedy = '' } = error;
  if (code !== 'ACCESS_DENIED' && code !== 'TARGET_NOT_FOUND' && code !== 'CONFIG_INVALID') throw error;
  return { code, message, remedy };
}

function textIn(value: unknown, name: string): string | undefined {
  const found = typeof value === 'object' && value !== null ? (value as Reply)[name] : undefined;
  return typeof found === 'string' && found !== '' ? found : undefined;
}

function momentIn(endpoint: Endpoint, verb: Verb, value: unknown): Date | undefined {
  const text = textIn(value, 'notAfter');
  if (text === undefined) return undefined;
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) throw misfit(endpoint, verb, 'holds a "notAfter" that is no time');
  return at;
}

function missing(endpoint: Endpoint, verb: Verb, name: string): never {
  throw misfit(endpoint, verb, `holds no "${name}"`);
}
