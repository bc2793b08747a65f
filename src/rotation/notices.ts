import type { ObjectRef } from './object.ts';
import type { Call } from './rotator.ts';

/** Something that people must hear of. It never holds a secret value. */
export interface Notice {
  /** The same on every repeat: who has it already drops it. */
  readonly id: string;
  readonly kind: 'certificate-expired' | 'action-needed' | 'renewal-failed' | 'rotation-blocked' | 'rotation-failed';
  readonly severity: 'incident' | 'warning' | 'info';
  readonly object: ObjectRef;
  readonly version?: string;
  readonly message: string;
  readonly remedy?: string;
  readonly at: Date;
}

/** Tells people. Errors are `RotationError`s. */
export interface Notices {
  /** Queues it, once for each channel. May be repeated. */
  tell(notice: Notice, call: Call): Promise<void>;
}
