import { said } from '../rotation/adoption/schedule.ts';
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
export function consumersBody({ consumers }: Adoption): unknown {
  return consumers.map((one) => ({ ...shown(one), whatToDo: whatToDo(one) }));
}

/** How an operation is found again is nobody's business but the engine's. */
function shown({ operation: _operation, nextAt: _nextAt, attempts: _attempts, ...rest }: Standing): object {
  return rest;
}

/** One sentence for the person on call. */
function whatToDo({ state, trouble, deadline, nextAt }: Standing): string {
  switch (state) {
    case 'verified':
      return 'Nothing: it was seen to use the version.';
    case 'gone':
      return 'Nothing: it was deleted.';
    case 'discovered':
      return trouble === undefined
        ? 'Nothing: it is told in a moment.'
        : `${trouble.message}; it is tried again at ${nextAt ?? 'the next look'}. ${trouble.remedy ?? ''}`.trim();
    case 'pushed':
    case 'propagating':
      return `Nothing: it has until ${deadline ?? 'the next look'} to take the version.`;
    case 'pinned':
    case 'stale':
    case 'failed':
    case 'unreachable':
      return trouble?.remedy ?? trouble?.message ?? 'Look at what its service says.';
  }
}
