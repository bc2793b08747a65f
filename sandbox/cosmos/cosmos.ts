/**
 * The account read (`GET /`) of Cosmos DB, which takes master key tokens of all four keys:
 * learn.microsoft.com/rest/api/cosmos-db/access-control-on-cosmosdb-resources
 */
import { createHmac } from 'node:crypto';
import type { SandboxContext } from '../context.ts';
import { keysOf, nameOf, startDataPlane } from '../data-plane.ts';
import type { DataPlane, DataPlaneOptions } from '../data-plane.ts';
import type { SandboxRequest, SandboxResponse } from '../http.ts';

const TYPE = 'Microsoft.DocumentDB/databaseAccounts';

export function startCosmos(ctx: SandboxContext, options: DataPlaneOptions): Promise<DataPlane> {
  return startDataPlane(
    ctx,
    {
      system: 'cosmos',
      domain: 'documents.sandbox.test',
      types: [TYPE],
      serve: (request, [account]) => serve(request, account === undefined ? [] : keysOf(account)),
    },
    options,
  );
}

function serve(request: SandboxRequest, keys: readonly string[]): SandboxResponse {
  if (request.method !== 'GET' || request.path !== '/') return refusal(404, 'NotFound', 'Resource Not Found.');
  const { authorization } = request.headers;
  if (authorization === undefined) {
    return refusal(
      401,
      'Unauthorized',
      'Required Header authorization is missing. Ensure a valid Authorization token is passed.',
    );
  }
  const token = new URLSearchParams(decodeURIComponent(authorization).replaceAll('+', '%2B'));
  const date = request.headers['x-ms-date'];
  const signed = `get\n\n\n${String(date).toLowerCase()}\n\n`;
  const genuine = keys.some(
    (key) => createHmac('sha256', Buffer.from(key, 'base64')).update(signed).digest('base64') === token.get('sig'),
  );
  if (token.get('type') !== 'master' || token.get('ver') !== '1.0' || !genuine) {
    const text =
      "The input authorization token can't serve the request. The wrong key is being used or the expected payload is not built as per the protocol.";
    return refusal(401, 'Unauthorized', text);
  }
  return {
    status: 200,
    body: { id: nameOf(request.host), _rid: `${nameOf(request.host)}.documents.azure.com`, media: '//media/' },
  };
}

function refusal(status: number, code: string, message: string): SandboxResponse {
  return { status, body: { code, message } };
}
