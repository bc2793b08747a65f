/** The revisions of a container app and their replicas (consumer facts 6). */
import type { SandboxRequest, SandboxResponse } from '../../../http.ts';
import { armProblem } from '../../errors.ts';
import type { Asked } from '../../service.ts';
import * as state from './app.ts';

/** Lists come in pages, and a small one shows who reads only the first. */
const PAGE = 2;

/** One page, with the address of the next. */
function page(request: SandboxRequest, all: readonly unknown[]): SandboxResponse {
  const from = Number(request.query.get('$skiptoken') ?? '0');
  const next = new URL(`https://${String(request.headers.host)}${request.path}`);
  next.searchParams.set('api-version', request.query.get('api-version') ?? '');
  next.searchParams.set('$skiptoken', String(from + PAGE));
  const nextLink = from + PAGE < all.length ? { nextLink: next.href } : {};
  return { status: 200, body: { value: all.slice(from, from + PAGE), ...nextLink } };
}

export function revisions({ resource, request }: Asked): () => SandboxResponse {
  const all = state.appOf(resource).revisions.map(({ name, active, template, replicas }) => ({
    id: `${resource.id}/revisions/${name}`,
    name,
    type: 'Microsoft.App/containerApps/revisions',
    properties: { active, template, replicas: replicas.length, runningState: 'Running' },
  }));
  return () => page(request, all);
}

function revisionOf({ resource, match }: Asked): state.Revision {
  const found = state.appOf(resource).revisions.find(({ name }) => name === match[1]);
  if (found === undefined) throw armProblem(404, 'RevisionNotFound', `Revision ${match[1] ?? ''} was not found.`);
  return found;
}

export function replicas(asked: Asked): () => SandboxResponse {
  const value = revisionOf(asked).replicas.map(({ name, createdMs }) => ({
    name,
    type: 'Microsoft.App/containerApps/revisions/replicas',
    properties: { createdTime: new Date(createdMs).toISOString(), runningState: 'Running', containers: [] },
  }));
  return () => ({ status: 200, body: { value } });
}

export function restart(asked: Asked): () => SandboxResponse {
  const revision = revisionOf(asked);
  const app = state.appOf(asked.resource);
  return () => {
    app.restarts += 1;
    revision.restartMs = asked.now.getTime() + app.restartTakesMs;
    state.pass(app, asked.vault, asked.now);
    return { status: 200, body: 'Restart succeeded' };
  };
}
