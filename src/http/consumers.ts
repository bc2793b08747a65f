import { said } from '../rotation/adoption/schedule.ts';
import type { ObjectRef } from '../rotation/ports.ts';
import { orAccept } from '../rotation/adoption/accept.ts';
import type { Adoption, Standing } from '../rotation/adoption/record.ts';

/** Where an object's consumers stand, as the runbook answers it. */
export function adoptionBody(adoption: Adoption): unknown {
  const { object, version, startedAt, discoveredAt, wakeAt, gaps } = adoption;
  return {
    object,
    version,
    summary: said(adoption),
    startedAt,
    ...(discoveredAt === undefined ? {} : { discoveredAt }),
    ...(wakeAt === undefined ? {} : { nextLookAt: wakeAt }),
    consumers: consumersBody(adoption),
    gaps,
  };
}

/** Each with its state, its last proof and what to do. */
export function consumersBody({ consumers, object }: Adoption): unknown {
  return consumers.map((one) => ({ ...shown(one), whatToDo: whatToDo(one, object) }));
}

/** How an operation is found again is nobody's business but the engine's. */
function shown({ operation: _operation, nextAt: _nextAt, attempts: _attempts, ...rest }: Standing): object {
  return rest;
}

/** One sentence for the person on call. */
function whatToDo({ state, trouble, deadline, nextAt, proof }: Standing, object: ObjectRef): string {
  const remedy = trouble?.remedy ?? trouble?.message ?? 'Look at what its service says.';
  switch (state) {
    case 'verified':
      return proof?.kind === 'by-person' ? `Nothing: ${proof.detail}.` : 'Nothing: it was seen to use the version.';
    case 'gone':
      return 'Nothing: it was deleted.';
    case 'discovered':
      return trouble === undefined
        ? 'Nothing: it is told in a moment.'
        : `${trouble.message}; it is tried again at ${nextAt ?? 'the next look'}. ${trouble.remedy ?? ''}`.trim();
    case 'pushed':
    case 'propagating':
      return `Nothing: it has until ${deadline ?? 'the next look'} to take the version.`;
    case 'failed':
      return remedy;
    case 'pinned':
    case 'stale':
    case 'unreachable':
      return `${remedy.replace(/\.?$/, '.')} ${orAccept(object)}`;
  }
}
