import type { ArmClient, ArmRequest } from '../../azure/arm/client.ts';
import type { Call } from '../../rotation/ports.ts';
import { about, siteType } from '../app-service.ts';
import { objectIn, textIn } from '../json.ts';

export type Restart = 'soft' | 'full' | 'none';

/**
 * Gives the app's processes what App Service has fetched: their environment is of the time when they were started. A stopped app is left
 * stopped. May be repeated. @throws as `ArmClient.start` does; then the app runs with the old or the new value
 */
export async function bringUp(arm: ArmClient, siteId: string, restart: Restart, call: Call): Promise<void> {
  const type = siteType(siteId);
  const reading: ArmRequest = { ...about(siteId), method: 'GET', action: `${type}/read`, mutates: false };
  const outcome = await arm.start(reading, call);
  const site = objectIn('body' in outcome ? outcome.body : undefined);
  if (/^stopp/i.test(textIn(objectIn(site, 'properties'), 'state') ?? '')) return;
  if (restart !== 'none') {
    const request: ArmRequest = {
      ...about(siteId, '/restart'),
      method: 'POST',
      action: `${type}/restart/action`,
      mutates: true,
    };
    const softRestart = String(restart === 'soft');
    await arm.start({ ...request, query: { ...request.query, softRestart, synchronous: 'true' } }, call);
  }
  if (!/functionapp/i.test(textIn(site, 'kind') ?? '')) return;
  // What scales a Functions app may connect with the old value until its triggers are read again; whether it does is not known [U].
  await arm.start(
    {
      ...about(siteId, '/syncfunctiontriggers'),
      method: 'POST',
      action: `${type}/syncfunctiontriggers/action`,
      mutates: true,
    },
    call,
  );
}
