/**
 * App Configuration stores: the list of keys (`GET /keys`), signed with a key and its id
 * (learn.microsoft.com/azure/azure-app-configuration/rest-api-authentication-hmac), and `/kv` with a token of Entra (key-values.ts).
 */
import { createHash, createHmac } from 'node:crypto';
import type { Resource } from '../arm/resources.ts';
import type { SandboxContext } from '../context.ts';
import { startDataPlane } from '../data-plane.ts';
import type { DataPlane, DataPlaneOptions } from '../data-plane.ts';
import type { SandboxRequest, SandboxResponse } from '../http.ts';
import { answerKeyValues } from './key-values.ts';

export function startAppConfiguration(ctx: SandboxContext, options: DataPlaneOptions): Promise<DataPlane> {
  return startDataPlane(
    ctx,
    {
      system: 'app-configuration',
      domain: 'azconfig.sandbox.test',
      types: ['Microsoft.AppConfiguration/configurationStores'],
      serve: (request, [store]) =>
        (store && answerKeyValues(request, store, options.entra, ctx.clock.now())) ?? serve(request, store),
    },
    options,
  );
}

function serve(request: SandboxRequest, store: Resource | undefined): SandboxResponse {
  const sent = /^HMAC-SHA256 Credential=([^&]+)&SignedHeaders=([^&]+)&Signature=(.+)$/.exec(
    request.headers.authorization ?? '',
  );
  if (sent === null || store === undefined) return refusal('HMAC-SHA256, Bearer');
  const [, credential = '', headers = '', signature = ''] = sent;
  const names = headers.split(';');
  if (!['x-ms-date', 'host', 'x-ms-content-sha256'].every((name) => names.includes(name))) {
    return refusal('HMAC-SHA256 error="invalid_token" error_description="A required header is not signed"');
  }
  if (request.headers['x-ms-content-sha256'] !== createHash('sha256').update(request.body).digest('base64')) {
    return refusal('HMAC-SHA256 error="invalid_token" error_description="Invalid x-ms-content-sha256"');
  }
  const key = [...store.keys.values()].find(({ id }) => id === credential);
  if (key === undefined) return refusal('HMAC-SHA256 error="invalid_token" error_description="Invalid Credential"');
  const values = names.map((name) => String(request.headers[name] ?? '')).join(';');
  const text = `${request.method}\n${request.rawUrl}\n${values}`;
  const expected = createHmac('sha256', Buffer.from(key.value, 'base64')).update(text).digest('base64');
  if (expected !== signature) {
    return refusal('HMAC-SHA256 error="invalid_token" error_description="Invalid Signature"');
  }
  if (request.method !== 'GET' || request.path !== '/keys') return { status: 404 };
  return { status: 200, body: { items: [] } };
}

function refusal(challenge: string): SandboxResponse {
  return { status: 401, headers: { 'www-authenticate': challenge } };
}
