/** The version check (`GET /v2/`) of container registries, for the admin user with either password. */
import type { SandboxContext } from '../context.ts';
import { keysOf, nameOf, startDataPlane } from '../data-plane.ts';
import type { DataPlane, DataPlaneOptions } from '../data-plane.ts';

export function startRegistry(ctx: SandboxContext, options: DataPlaneOptions): Promise<DataPlane> {
  return startDataPlane(
    ctx,
    {
      system: 'registry',
      domain: 'registry.sandbox.test',
      types: ['Microsoft.ContainerRegistry/registries'],
      serve(request, [registry]) {
        const sent = /^Basic (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
        const [user, ...password] = Buffer.from(sent, 'base64').toString('utf8').split(':');
        const right = registry !== undefined && keysOf(registry).includes(password.join(':'));
        if (user !== nameOf(request.host) || !right) {
          const realm = `Bearer realm="https://${request.host}/oauth2/token",service="${request.host}"`;
          const body = { errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] };
          return { status: 401, headers: { 'www-authenticate': realm }, body };
        }
        if (request.method !== 'GET' || request.path !== '/v2/') return { status: 404 };
        return { status: 200, headers: { 'docker-distribution-api-version': 'registry/2.0' }, body: {} };
      },
    },
    options,
  );
}
