import { notNow, turnAway } from '../admit.ts';
import type { Engine, Outcome } from '../engine.ts';
import { openRun } from '../open-run.ts';
import type { RotateMessage } from '../ports.ts';
import type { Session } from '../session.ts';

/**
 * Turns away what must not be worked on now; undefined: go on. A message that goes on with the open run is held back as for secrets; one
 * that asks for another run is looked at, because old versions stay enabled.
 */
export async function admitVaultMade(
  engine: Engine,
  session: Session,
  message: RotateMessage,
): Promise<Outcome | undefined> {
  const away = await turnAway(engine, session, message);
  if (away !== undefined || openRun(session, message) === undefined) return away;
  return notNow(engine, session, message);
}
