import type { ArmClient, ArmRequest } from '../../azure/arm/client.ts';
import { RotationError } from '../../rotation/errors.ts';
import type { Call, ServedCertificate } from '../../rotation/ports.ts';
import { armPath } from '../arm-id.ts';
import { objectIn, textIn } from '../json.ts';
import type { Endpoint } from '../proof/handshake.ts';
import { READ_ADDRESS, ROLE } from './access.ts';
import type { Listener } from './config.ts';

/** A PUT must speak the version that the GET was answered in: what that one does not know, it would lose. */
const API_VERSION = '2025-05-01';

/** What every request about a resource of Microsoft.Network has in common. */
export function about(id: string): Pick<ArmRequest, 'path' | 'query' | 'scope' | 'role' | 'found'> {
  return {
    path: armPath(id),
    query: { 'api-version': API_VERSION },
    scope: id,
    role: ROLE,
    found: true,
  };
}

/**
 * Where the listeners of a certificate can be asked for it: at the gateway's own addresses where they are known, since what stands in
 * front of it has certificates of its own; else where DNS says.
 */
export async function endpointsOf(
  arm: ArmClient,
  listeners: readonly Listener[],
  served: ServedCertificate,
  call: Call,
): Promise<readonly Endpoint[]> {
  const endpoints: Endpoint[] = [];
  const known = new Map<string, string | undefined>();
  for (const listener of listeners) {
    const key = listener.publicAddressId ?? listener.privateAddress ?? '';
    if (!known.has(key)) known.set(key, await addressOf(arm, listener, call));
    const address = known.get(key);
    const at = { port: listener.port, ...(address === undefined ? {} : { address }) };
    // A listener for every host has no name of its own: one of the certificate's will do, at the gateway's own address.
    const any = address === undefined ? [] : served.names.slice(0, 1);
    const names = listener.hosts.length > 0 ? listener.hosts : any;
    endpoints.push(...names.map((name) => ({ name, ...at })));
  }
  return endpoints;
}

async function addressOf(
  arm: ArmClient,
  { privateAddress, publicAddressId }: Listener,
  call: Call,
): Promise<string | undefined> {
  if (publicAddressId === undefined) return privateAddress;
  const verb = {
    method: 'GET',
    mutates: false,
    ...READ_ADDRESS,
  } as const;
  try {
    const outcome = await arm.start({ ...about(publicAddressId), ...verb }, call);
    return 'body' in outcome ? textIn(objectIn(outcome.body, 'properties'), 'ipAddress') : undefined;
  } catch (error) {
    if (!(error instanceof RotationError) || error.recovery !== 'reconfigure') throw error;
    return undefined; // It may not be read, or is gone: then DNS says where the names lead.
  }
}
