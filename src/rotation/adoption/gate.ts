import type { Engine } from '../engine.ts';
import type { Session } from '../session.ts';
import { laggards, lookAgainAt } from './record.ts';

/**
 * Who keeps an old credential, and old versions, from being taken out of use: every consumer that is not seen to have the version
 * yet, and is not advisory. Where nobody has looked for them since, they are looked for now. Under the lease of the object.
 * @returns one line each; none where the settings name nobody who would be waited for
 */
export async function holdouts(engine: Engine, session: Session, version: string): Promise<readonly string[]> {
  const { object } = session;
  if (!engine.discovery.waitsFor(object)) return [];
  const entry = await session.call('asking for its consumers', (call) => engine.adoptions.read(object, call));
  if (entry?.record.version !== version || entry.record.discoveredAt === undefined) {
    // Its event was lost, or its work is not done yet; asking twice is one look.
    await session.call('having its consumers told', (call) =>
      engine.queue.propagate({ object, version, resumes: true }, 0, call),
    );
    const { vault, name } = object;
    const ask = `POST /api/propagations {"vault":"${vault}","name":"${name}","dryRun":true}`;
    return [`nobody has told the consumers of version ${version} yet; if it stays so, ${ask} tells what is in the way`];
  }
  // Who gave no answer may use it, too.
  const unsure = lookAgainAt(entry.record) === undefined ? [] : entry.record.gaps.filter(({ passing }) => passing);
  const left = laggards(entry.record)
    .filter(({ advisory }) => advisory !== true)
    .map(({ state, id, trouble }) =>
      trouble === undefined ? `${id} is ${state}` : `${id} is ${state}: ${trouble.message}`,
    );
  return [
    ...left,
    ...unsure.map(({ where, message }) => `${where} is to be asked again whether it uses it: ${message}`),
  ];
}
