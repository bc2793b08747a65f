/**
 * What the small data planes of the sandbox share: an HTTPS endpoint for every resource of a type, at `<name>.<domain>`,
 * that takes any of the resource's keys of this moment and answers one read.
 */
import type { ArmService } from './arm/arm.ts';
import type { Resource, Resources } from './arm/resources.ts';
import type { SandboxContext } from './context.ts';
import { startHttps } from './http.ts';
import type { SandboxRequest, SandboxResponse } from './http.ts';
import type { IdentityService } from './identity/identity.ts';
import type { System } from './traffic.ts';

export interface DataPlaneOptions {
  readonly resources: Resources;
  readonly port?: number;
  /** Who judges tokens of Entra; absent: a plane that takes them takes none. */
  readonly entra?: EntraGate;
}

export interface EntraGate {
  readonly identity: Pick<IdentityService, 'verifyRequest'>;
  /** Says what a token's owner may do. */
  readonly arm: Pick<ArmService, 'refusal'>;
}

export interface DataPlane {
  readonly port: number;
  /** The DNS suffix with its port, as the setting takes it. */
  readonly suffix: string;
  stop(): Promise<void>;
}

export interface Endpoint {
  readonly system: System;
  readonly domain: string;
  /** The types of resources that have this endpoint. */
  readonly types: readonly string[];
  /** All resources of that name: of a namespace, its rules. */
  readonly serve: (request: SandboxRequest, resources: readonly Resource[]) => SandboxResponse;
}

export async function startDataPlane(
  ctx: SandboxContext,
  { system, domain, types, serve }: Endpoint,
  options: DataPlaneOptions,
): Promise<DataPlane> {
  const server = await startHttps(ctx, {
    names: [`*.${domain}`],
    system,
    ...(options.port === undefined ? {} : { port: options.port }),
    operation: (request) => `${request.method} ${nameOf(request.host)}${request.path}`,
    handler(request) {
      const found = types.flatMap((type) => options.resources.named(type, nameOf(request.host)));
      // In Azure the name of a resource that does not exist does not resolve; here every name does.
      return found.length === 0 ? { status: 404, body: 'There is no such resource.' } : serve(request, found);
    },
  });
  return { port: server.port, suffix: `${domain}:${server.port}`, stop: () => server.stop() };
}

export function nameOf(host: string): string {
  return host.split('.')[0] ?? '';
}

/** The values of these slots of a resource; of all when none are named. */
export function keysOf(resource: Resource, slots: readonly string[] = [...resource.keys.keys()]): readonly string[] {
  return slots.flatMap((slot) => resource.keys.get(slot)?.value ?? []);
}
