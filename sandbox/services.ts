/**
 * The data planes of the services whose keys are tried after a rotation: one small endpoint each.
 *
 *     const services = await startServices(ctx, { resources: arm.resources });
 *     services.suffixes;     // {"cosmos-db":"documents.sandbox.test:<port>", …}: the setting KEYTURN_SERVICE_SUFFIXES
 */
import { startAppConfiguration } from './app-configuration/app-configuration.ts';
import type { SandboxContext } from './context.ts';
import { startCosmos } from './cosmos/cosmos.ts';
import type { DataPlane, DataPlaneOptions } from './data-plane.ts';
import { startMessaging } from './messaging/messaging.ts';
import { startRedis } from './redis/redis.ts';
import { startRegistry } from './registry/registry.ts';
import { startSearch } from './search/search.ts';

export interface ServicesService {
  readonly suffixes: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

export async function startServices(
  ctx: SandboxContext,
  options: Pick<DataPlaneOptions, 'resources' | 'entra'>,
): Promise<ServicesService> {
  const running: DataPlane[] = [];
  const start = async (which: typeof startCosmos): Promise<string> => {
    const plane = await which(ctx, options);
    running.push(plane);
    return plane.suffix;
  };
  const stop = async (): Promise<void> => {
    await Promise.all(running.map((plane) => plane.stop()));
  };
  try {
    return { suffixes: await all(start), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** By kind of rotator, the suffix of its service. */
async function all(start: (which: typeof startCosmos) => Promise<string>): Promise<Readonly<Record<string, string>>> {
  const messaging = await start(startMessaging);
  return {
    'cosmos-db': await start(startCosmos),
    redis: await start(startRedis),
    'service-bus': messaging,
    'event-hubs': messaging,
    relay: messaging,
    'notification-hubs': messaging,
    'ai-search': await start(startSearch),
    'app-configuration': await start(startAppConfiguration),
    'container-registry': await start(startRegistry),
  };
}
