import type { ArmClient, ArmRequest } from '../../azure/arm/client.ts';
import type { Call } from '../../rotation/ports.ts';
import { about, siteType } from '../app-service.ts';
import { objectIn, textIn } from '../json.ts';
import { VERBS } from './access.ts';

export type Restart = 'soft' | 'full' | 'none';

export interface App {
  /** It has the new value when it starts, and is not started for it. */
  readonly isStopped: boolean;
  readonly hasTriggers: boolean;
}

/** Read-only; @throws as `ArmClient.start` does */
export async function readApp(arm: ArmClient, siteId: string, call: Call): Promise<App> {
  const action = `${siteType(siteId)}/${VERBS.read}`;
  const outcome = await arm.start({ ...about(siteId), method: 'GET', action, mutates: false }, call);
  const site = objectIn('body' in outcome ? outcome.body : undefined);
  return {
    isStopped: /^stopp/i.test(textIn(objectIn(site, 'properties'), 'state') ?? ''),
    hasTriggers: /functionapp/i.test(textIn(site, 'kind') ?? ''),
  };
}

/**
 * Gives the app's processes what App Service has fetched: their environment is of the time when they were started. Not waited for: how
 * long an app takes to start is its own affair. May be repeated. @throws as `ArmClient.start` does
 */
export async function restartApp(
  arm: ArmClient,
  siteId: string,
  how: Exclude<Restart, 'none'>,
  call: Call,
): Promise<void> {
  const request = posting(siteId, 'restart', `${siteType(siteId)}/${VERBS.restart}`);
  const softRestart = String(how === 'soft');
  await arm.start({ ...request, query: { ...request.query, softRestart, synchronous: 'false' } }, call);
}

/**
 * Lets what scales a Functions app read its triggers again: it may connect with the old value until then, though whether it does is not
 * known [U]. The app must be up for that. May be repeated. @throws as `ArmClient.start` does
 */
export async function readTriggersAgain(arm: ArmClient, siteId: string, call: Call): Promise<void> {
  await arm.start(posting(siteId, 'syncfunctiontriggers', `${siteType(siteId)}/${VERBS.syncTriggers}`), call);
}

function posting(siteId: string, below: string, action: string): ArmRequest {
  return { ...about(siteId, `/${below}`), method: 'POST', action, mutates: true };
}
