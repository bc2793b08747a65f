import { configInvalid, RotationError, type RotationErrorInit } from '../../src/rotation/errors.ts';
import type { Administrators, Blocker, Call, Rotator, Target } from '../../src/rotation/ports.ts';
import { SecretValue } from '../../src/rotation/secret-value.ts';

const LABEL = 'keyturn ';

type ParcelTarget = Target<{ readonly host: string }>;

/** Keys of an imaginary parcel service: each rotation makes one more. docs/writing-a-rotator.md goes through it line by line. */
export function parcelRotator({
  administrators,
}: {
  readonly administrators: Administrators;
}): Rotator<{ host: string }> {
  /** One request; whatever the service says that is no success is translated here, once. */
  async function ask(target: ParcelTarget, call: Call, request: Request): Promise<unknown> {
    const { host } = target.config;
    const { method, path, key, body } = request;
    const admin = key ?? (await administrators.for(host, '', call));
    const bearer = admin instanceof SecretValue ? admin : admin.kind === 'token' ? admin.token : admin.password;
    const changes = method === 'POST' || method === 'DELETE';
    let response: Response;
    try {
      response = await fetch(`http://${host}${path}`, {
        method,
        redirect: 'error',
        signal: call.signal,
        headers: { authorization: `Bearer ${bearer.reveal()}` },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (cause) {
      // fetch throws a TypeError for a connection that fails: here that is no bug.
      if (!(cause instanceof Error)) throw cause;
      const message = `${host} did not answer ${method} ${path}`;
      throw new RotationError({ code: 'TIMED_OUT', recovery: 'retry', effect: changes ? 'unknown' : 'none', message });
    }
    if (response.ok) return response.status === 204 ? undefined : response.json();
    throw new RotationError(refusal(response, request, host));
  }

  const list = async (target: ParcelTarget, call: Call) =>
    (await ask(target, call, { method: 'GET', path: '/keys' })) as readonly { id: string; label: string }[];

  return {
    kind: 'parcel-key',
    capabilities: { minting: 'system', overlap: 'many', revocable: true, proof: 'log-in' },
    claims: (address) => address.startsWith('parcel://'),
    parseTarget({ providerAddress, credentialId }) {
      const host = /^parcel:\/\/([a-z0-9.-]+(?::\d+)?)$/.exec(providerAddress)?.[1];
      if (host === undefined) {
        const message = 'is not parcel://host[:port]';
        throw configInvalid('the tags of a parcel key', [{ path: 'tags.ProviderAddress', message }]);
      }
      return { id: `parcel://${host}`, slots: [], current: credentialId, hosts: [host], config: { host } };
    },
    describe: ({ config }) => [`POST http://${config.host}/keys`],
    async check(target, _slot, _current, call): Promise<readonly Blocker[]> {
      await list(target, call);
      return [];
    },
    async list(target, call) {
      return (await list(target, call)).map(({ id, label }) => ({
        credentialId: id,
        slot: id,
        ...(label.startsWith(LABEL) ? { rotationId: label.slice(LABEL.length) } : {}),
      }));
    },
    async set(target, { rotationId }, call) {
      const body = { label: `${LABEL}${rotationId}` };
      const { id, key } = (await ask(target, call, { method: 'POST', path: '/keys', body })) as {
        id: string;
        key: string;
      };
      return { credentialId: id, slot: id, value: new SecretValue(key) };
    },
    async test(target, { value }, call) {
      await ask(target, call, { method: 'GET', path: '/whoami', key: value });
    },
    async revoke(target, credentialId, _how, call) {
      await ask(target, call, { method: 'DELETE', path: `/keys/${credentialId}` });
    },
  };
}

interface Request {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  /** Instead of the administrator's token: a key that is to be tried. */
  readonly key?: SecretValue;
}

function refusal({ status, headers }: Response, { method, path, key }: Request, host: string): RotationErrorInit {
  const message = `${host} answered ${status} to ${method} ${path}`;
  const effect = status >= 500 && method !== 'GET' ? 'unknown' : 'none';
  if (status === 401 && key !== undefined) return { code: 'CREDENTIAL_REJECTED', recovery: 'human', message };
  if (status === 401 || status === 403) {
    const remedy = `Give the administrator of ${host} the right to manage keys (KEYTURN_ADMINISTRATORS).`;
    return { code: 'ACCESS_DENIED', recovery: 'reconfigure', message, remedy };
  }
  if (status === 404) {
    const remedy = 'Correct the tag ProviderAddress.';
    return { code: 'TARGET_NOT_FOUND', recovery: 'reconfigure', message, remedy };
  }
  if (status === 429) {
    const retryAfterMs = Number(headers.get('retry-after') ?? 30) * 1000;
    return { code: 'THROTTLED', recovery: 'retry', message, retryAfterMs };
  }
  return { code: 'UNAVAILABLE', recovery: 'retry', effect, message };
}
