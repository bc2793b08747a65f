/**
 * The HTTPS gateway that Service Bus, Event Hubs, Relay and Notification Hubs share, at `<namespace>.messaging.sandbox.test`.
 * It takes SAS tokens (learn.microsoft.com/azure/service-bus-messaging/service-bus-sas) and answers the description of the
 * namespace or of an entity. Rules named `Send…` or `Listen…` lack the right to read, and are told what the service tells.
 */
import { createHmac } from 'node:crypto';
import type { Resource } from '../arm/resources.ts';
import type { SandboxContext } from '../context.ts';
import { keysOf, startDataPlane } from '../data-plane.ts';
import type { DataPlane, DataPlaneOptions } from '../data-plane.ts';
import type { SandboxRequest, SandboxResponse } from '../http.ts';

export function startMessaging(ctx: SandboxContext, options: DataPlaneOptions): Promise<DataPlane> {
  const types = ['ServiceBus', 'EventHub', 'Relay', 'NotificationHubs'].map((one) => `Microsoft.${one}/namespaces`);
  const now = (): Date => ctx.clock.now();
  return startDataPlane(
    ctx,
    {
      system: 'messaging',
      domain: 'messaging.sandbox.test',
      types,
      serve: (request, rules) => serve(request, rules, now()),
    },
    options,
  );
}

function serve(request: SandboxRequest, rules: readonly Resource[], now: Date): SandboxResponse {
  const sent = /^SharedAccessSignature (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (sent === undefined) return refusal(401, 'MissingToken: The authorization header was not found.');
  const token = new URLSearchParams(sent.replaceAll('+', '%2B'));
  const resource = token.get('sr') ?? '';
  const entity = request.segments[0] ?? '';
  if (!covers(resource, request.host, entity)) {
    return refusal(401, 'InvalidAudience: The authorization header contains a token with a wrong audience.');
  }
  if (!(Number(token.get('se')) * 1000 > now.getTime())) return refusal(401, 'ExpiredToken: The token is expired.');
  const named = rules.filter(
    ({ names }) => names['rule'] === token.get('skn') && (names['entity'] === undefined || names['entity'] === entity),
  );
  // What is signed is the address as it was sent, encoded.
  const text = `${/(?:^|&)sr=([^&]*)/.exec(sent)?.[1] ?? ''}\n${token.get('se') ?? ''}`;
  const genuine = named.filter((rule) => keysOf(rule).some((key) => sign(key, text) === token.get('sig')));
  const [rule] = genuine;
  if (rule === undefined) return refusal(401, '40103: Invalid authorization token signature');
  if (/^(?:Send|Listen)/.test(rule.names['rule'] ?? '')) {
    return refusal(401, 'claim is empty or token is invalid.');
  }
  const known = entity === '$namespaceinfo' || rules.some(({ names }) => names['entity'] === entity);
  if (!known) return refusal(404, '40400: Endpoint not found.');
  return {
    status: 200,
    headers: { 'content-type': 'application/atom+xml' },
    body: `<entry><title>${entity}</title></entry>`,
  };
}

/** The namespace, or this entity of it. The SDKs differ in scheme, port, query, and in whether there is any of them. */
function covers(resource: string, host: string, entity: string): boolean {
  const [, named, path = '/'] = /^(?:[a-z]+:\/\/)?([^/:?]+)(?::\d+)?(\/[^?]*)?/i.exec(resource) ?? [];
  return named?.toLowerCase() === host && ['/', `/${entity.toLowerCase()}`].includes(path.toLowerCase());
}

function sign(key: string, text: string): string {
  return createHmac('sha256', key).update(text).digest('base64');
}

function refusal(status: number, detail: string): SandboxResponse {
  return {
    status,
    headers: { 'content-type': 'application/xml' },
    body: `<Error><Code>${status}</Code><Detail>${detail}</Detail></Error>`,
  };
}
