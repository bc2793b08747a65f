/**
 * The Blob service's endpoint of every storage account that the sandbox's ARM knows, at
 * `<account>.blob.storage.sandbox.test`. It verifies SharedKey signatures with the account's keys of this moment.
 *
 *     const blob = await startBlob(ctx, { accounts: arm.accounts });
 *     blob.suffix;                  // storage.sandbox.test:<port>, what the app's setting takes
 *     arm.accounts.find(name).allowSharedKeyAccess = false;   // 403 KeyBasedAuthenticationNotPermitted
 *     arm.accounts.find(name).firewalled = true;              // 403 AuthorizationFailure
 *
 * It verifies SAS tokens, too, of the account and of a container or blob. It serves what proves a key or a token: service
 * properties, account information, the (empty) list of containers, and containers of every name with nothing in them. Unlike
 * the real service it does not refuse a request dated more than 15 minutes off, since its clock can be moved.
 */
import { randomUUID } from 'node:crypto';
import type { StorageAccount, StorageAccounts } from '../arm/accounts.ts';
import type { SandboxContext } from '../context.ts';
import { startHttps } from '../http.ts';
import type { SandboxRequest, SandboxResponse } from '../http.ts';
import { refuseSas } from './sas.ts';
import { signedWith } from './shared-key.ts';

export const STORAGE_SUFFIX = 'storage.sandbox.test';

export interface BlobOptions {
  readonly accounts: StorageAccounts;
  readonly port?: number;
}

export interface BlobService {
  readonly port: number;
  /** The DNS suffix with its port. */
  readonly suffix: string;
  /** `https://<account>.blob.storage.sandbox.test:<port>` */
  url(account: string): string;
  stop(): Promise<void>;
}

export async function startBlob(ctx: SandboxContext, options: BlobOptions): Promise<BlobService> {
  const server = await startHttps(ctx, {
    names: [`*.blob.${STORAGE_SUFFIX}`],
    system: 'blob',
    ...(options.port === undefined ? {} : { port: options.port }),
    operation: (request) => `${request.method} ${accountOf(request)}${request.path}${resource(request)}`,
    handler: (request) => {
      const response = serve(request, options.accounts.find(accountOf(request)), ctx.clock.now());
      const headers = {
        'x-ms-request-id': randomUUID(),
        'x-ms-version': String(request.headers['x-ms-version'] ?? ''),
      };
      return { ...response, headers: { ...headers, ...response.headers } };
    },
  });
  return {
    port: server.port,
    suffix: `${STORAGE_SUFFIX}:${server.port}`,
    url: (account) => server.origin(`${account}.blob.${STORAGE_SUFFIX}`),
    stop: () => server.stop(),
  };
}

const accountOf = (request: SandboxRequest): string => request.host.split('.')[0] ?? '';

function resource(request: SandboxRequest): string {
  const parts = ['restype', 'comp'].flatMap((name) => {
    const value = request.query.get(name);
    return value === null ? [] : [`${name}=${value}`];
  });
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

function serve(request: SandboxRequest, account: StorageAccount | undefined, now: Date): SandboxResponse {
  // In Azure the name of an account that does not exist does not resolve; here every name does.
  if (account === undefined) return refusal(404, 'ResourceNotFound', 'The specified resource does not exist.');
  const { authorization } = request.headers;
  const bySas = authorization === undefined && request.query.has('sig');
  if (authorization === undefined && !bySas) {
    return refusal(
      401,
      'NoAuthenticationInformation',
      'Server failed to authenticate the request. Please refer to the information in the www-authenticate header.',
    );
  }
  if (account.firewalled) {
    return refusal(403, 'AuthorizationFailure', 'This request is not authorized to perform this operation.');
  }
  if ((bySas || authorization?.startsWith('SharedKey')) && !account.allowSharedKeyAccess) {
    const text = 'Key based authentication is not permitted on this storage account.';
    return refusal(403, 'KeyBasedAuthenticationNotPermitted', text);
  }
  const { key1, key2 } = account.keys;
  if (bySas) {
    const refused = refuseSas(request, account.name, [key1.value, key2.value], now);
    return refused === undefined ? content(request) : refusal(403, refused.code, refused.text, refused.detail);
  }
  if (![key1, key2].some(({ value }) => signedWith(value, account.name, request))) {
    const text =
      'Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.';
    return refusal(
      403,
      'AuthenticationFailed',
      text,
      'The MAC signature found in the HTTP request is not the same as any computed signature.',
    );
  }
  return content(request);
}

function content(request: SandboxRequest): SandboxResponse {
  if (request.path === '/' && (request.method === 'GET' || request.method === 'HEAD')) {
    switch (resource(request)) {
      case '?restype=service&comp=properties':
        return xml(
          200,
          '<StorageServiceProperties><DefaultServiceVersion>2021-12-02</DefaultServiceVersion></StorageServiceProperties>',
        );
      case '?restype=account&comp=properties':
        return { status: 200, headers: { 'x-ms-sku-name': 'Standard_LRS', 'x-ms-account-kind': 'StorageV2' } };
      case '?comp=list':
        return xml(200, '<EnumerationResults><Containers /><NextMarker /></EnumerationResults>');
    }
  }
  const parts = request.segments.filter((segment) => segment !== '');
  if (parts.length > 1) return refusal(404, 'BlobNotFound', 'The specified blob does not exist.');
  if (parts.length === 1 && resource(request) === '?restype=container&comp=list') {
    return xml(200, '<EnumerationResults><Blobs /><NextMarker /></EnumerationResults>');
  }
  return refusal(
    400,
    'UnsupportedQueryParameter',
    'One of the query parameters specified in the request URI is not supported.',
  );
}

function refusal(status: number, code: string, message: string, detail?: string): SandboxResponse {
  const more = detail === undefined ? '' : `<AuthenticationErrorDetail>${detail}</AuthenticationErrorDetail>`;
  const trace = `RequestId:${randomUUID()}\nTime:${new Date().toISOString()}`;
  const answer = xml(status, `<Error><Code>${code}</Code><Message>${message}\n${trace}</Message>${more}</Error>`);
  return { ...answer, headers: { ...answer.headers, 'x-ms-error-code': code } };
}

function xml(status: number, inner: string): SandboxResponse {
  return {
    status,
    headers: { 'content-type': 'application/xml' },
    body: `<?xml version="1.0" encoding="utf-8"?>${inner}`,
  };
}
