import { newRotationId } from './ids.ts';
import { isPublished } from './machine.ts';
import type { RotateMessage } from './ports.ts';
import type { Run } from './record.ts';
import type { Session } from './session.ts';

/** Does the message go on with the open run, rather than ask for another? */
export function goesOn(run: Run, message: RotateMessage): boolean {
  if (run.rotationId === message.rotationId) return true;
  return !isPublished(run) && message.trigger !== 'compromised';
}

export function newRun(session: Session, message: RotateMessage, reason: string): Run {
  const at = session.now();
  return {
    rotationId: message.rotationId ?? newRotationId(message.object, at),
    reason,
    forced: message.force === true,
    compromised: message.trigger === 'compromised',
    state: 'running',
    step: 'claim',
    startedAt: at.toISOString(),
    updatedAt: at.toISOString(),
    attempts: 0,
    steps: [],
    asked: { trigger: message.trigger, ...(message.version === undefined ? {} : { version: message.version }) },
    ...(message.requestedBy === undefined ? {} : { requestedBy: message.requestedBy }),
  };
}
