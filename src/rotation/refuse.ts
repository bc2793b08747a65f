import type { Engine, Outcome } from './engine.ts';
import type { RotateMessage } from './ports.ts';
import type { Run } from './record.ts';
import type { Session } from './session.ts';

/** Not due, or not ours: nothing is done. What a person asked for gets an answer in the ledger. */
export async function refuse(
  engine: Engine,
  session: Session,
  message: RotateMessage,
  reason: string,
  detail: string,
  remedy?: string,
): Promise<Outcome> {
  const { rotationId } = message;
  if (rotationId !== undefined && message.trigger !== 'resume' && rotationId !== session.run?.rotationId) {
    const at = session.now().toISOString();
    const run: Run = {
      rotationId,
      reason,
      forced: message.force === true,
      compromised: message.trigger === 'compromised',
      state: 'refused',
      step: 'claim',
      startedAt: at,
      updatedAt: at,
      finishedAt: at,
      attempts: 0,
      steps: [
        {
          step: 'claim',
          at,
          ms: 0,
          outcome: 'skipped',
          detail: remedy === undefined ? detail : `${detail}. ${remedy}`,
        },
      ],
      ...(message.requestedBy === undefined ? {} : { requestedBy: message.requestedBy }),
    };
    await session.call('answering in the ledger', (call) => engine.journal.announceRun(session.object, run, call));
  }
  return { outcome: 'refused', reason, detail };
}
