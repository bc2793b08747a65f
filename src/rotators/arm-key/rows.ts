import type { ArmKeyRow } from './row.ts';
import { APP_CONFIGURATION_ROW, FUNCTION_KEYS_ROW } from './rows/configuration.ts';
import { COSMOS_ROW, MANAGED_REDIS_ROW, REDIS_ROW } from './rows/databases.ts';
import { EVENT_GRID_DOMAIN_ROW, EVENT_GRID_TOPIC_ROW, SIGNALR_ROW, WEB_PUBSUB_ROW } from './rows/events.ts';
import { AI_SEARCH_ROW, COGNITIVE_SERVICES_ROW, MAPS_ROW } from './rows/intelligence.ts';
import { IOT_HUB_ROW } from './rows/iot.ts';
import { EVENT_HUBS_ROW, NOTIFICATION_HUBS_ROW, RELAY_ROW, SERVICE_BUS_ROW } from './rows/messaging.ts';
import { APIM_SUBSCRIPTION_ROW, BATCH_ROW, CONTAINER_REGISTRY_ROW, LOG_ANALYTICS_ROW } from './rows/platform.ts';
import { STORAGE_ROW } from './rows/storage.ts';

/** Every service whose keys ARM lists and regenerates, in the order of the README's table. */
export const ARM_KEY_ROWS: readonly ArmKeyRow[] = [
  STORAGE_ROW,
  COSMOS_ROW,
  REDIS_ROW,
  MANAGED_REDIS_ROW,
  SERVICE_BUS_ROW,
  EVENT_HUBS_ROW,
  RELAY_ROW,
  NOTIFICATION_HUBS_ROW,
  EVENT_GRID_TOPIC_ROW,
  EVENT_GRID_DOMAIN_ROW,
  SIGNALR_ROW,
  WEB_PUBSUB_ROW,
  COGNITIVE_SERVICES_ROW,
  AI_SEARCH_ROW,
  MAPS_ROW,
  BATCH_ROW,
  IOT_HUB_ROW,
  APP_CONFIGURATION_ROW,
  CONTAINER_REGISTRY_ROW,
  LOG_ANALYTICS_ROW,
  APIM_SUBSCRIPTION_ROW,
  FUNCTION_KEYS_ROW,
];

/** By kind, the DNS suffix of the services that are asked directly, in the public cloud. */
export const SERVICE_SUFFIXES: Readonly<Record<string, string>> = Object.fromEntries(
  ARM_KEY_ROWS.flatMap(({ kind, proof }) =>
    proof === 'read back' || proof.suffix === undefined ? [] : [[kind, proof.suffix]],
  ),
);
