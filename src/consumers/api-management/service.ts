import type { ArmClient, ArmRequest } from '../../azure/arm/client.ts';
import type { Call } from '../../rotation/ports.ts';
import { armPath, nameIn } from '../arm-id.ts';
import { objectIn, type Json } from '../json.ts';
import { ROLE } from './access.ts';

/* What the kinds of consumers in API Management share. The parent of all of them is the service. */

const API_VERSION = '2024-05-01';

/** What every request about a service, or something in it, has in common. @param id its ARM id @param below what follows it, from `/` on */
export function about(id: string, below = ''): Pick<ArmRequest, 'path' | 'query' | 'scope' | 'role' | 'found'> {
  return {
    path: `${armPath(id)}${below}`,
    query: { 'api-version': API_VERSION },
    scope: id,
    role: ROLE,
    found: true,
  };
}

/** The service, or something in it, as it came. @param action that reads it @throws as `ArmClient.start` does */
export async function read(arm: ArmClient, id: string, action: string, call: Call): Promise<Json> {
  const outcome = await arm.start({ ...about(id), method: 'GET', action, mutates: false }, call);
  return objectIn('body' in outcome ? outcome.body : undefined);
}

/** `-g <group> -n <service>`, as the az commands want it. */
export function arguments_(serviceId: string): string {
  return `-g ${serviceId.split('/')[4] ?? '<group>'} -n ${nameIn(serviceId)}`;
}

/** A thing that takes its time, as the text that the engine keeps of it. */
export interface UnderWay {
  readonly since: Date;
  /** Of ARM's operation. Absent: nobody but the resource can be asked. */
  readonly url?: string;
}

const UNDER_WAY = /^(waiting|asked) since (\S+)(?: at (\S+))?$/;

/** The text for it. `waiting`: somebody else is at it, and we have not asked for anything yet. */
export function kept(what: 'asked' | 'waiting', { since, url }: UnderWay): string {
  return `${what} since ${since.toISOString()}${url === undefined ? '' : ` at ${url}`}`;
}

/** What the text says; undefined where there is none, or it is not ours. */
export function readKept(operation = ''): (UnderWay & { readonly isAsked: boolean }) | undefined {
  const [, what, time = '', url] = UNDER_WAY.exec(operation) ?? [];
  if (what === undefined || Number.isNaN(Date.parse(time))) return undefined;
  return { isAsked: what === 'asked', since: new Date(time), ...(url === undefined ? {} : { url }) };
}
