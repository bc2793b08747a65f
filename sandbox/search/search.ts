/** The statistics (`GET /servicestats`) of search services, for admin keys: learn.microsoft.com/rest/api/searchservice. */
import type { SandboxContext } from '../context.ts';
import { keysOf, startDataPlane } from '../data-plane.ts';
import type { DataPlane, DataPlaneOptions } from '../data-plane.ts';

export function startSearch(ctx: SandboxContext, options: DataPlaneOptions): Promise<DataPlane> {
  return startDataPlane(
    ctx,
    {
      system: 'search',
      domain: 'search.sandbox.test',
      types: ['Microsoft.Search/searchServices'],
      serve(request, [service]) {
        const key = request.headers['api-key'];
        if (service === undefined || typeof key !== 'string' || !keysOf(service).includes(key)) {
          return { status: 403, body: { error: { code: '', message: 'Access denied due to an invalid api-key.' } } };
        }
        if (request.method !== 'GET' || request.path !== '/servicestats') return { status: 404 };
        return { status: 200, body: { counters: {}, limits: {} } };
      },
    },
    options,
  );
}
