import type { ObjectRef } from './object.ts';
import type { Call } from './rotator.ts';

/* What people are told, beside the ledger: over the channels that the settings name. */

/** Something that people should know of. It never holds a secret value. */
export interface Notice {
  /** The same on every repeat, so that whoever has it already can tell. */
  readonly id: string;
  readonly kind: 'certificate-expired' | 'action-needed' | 'renewal-failed' | 'rotation-blocked' | 'rotation-failed';
  readonly severity: 'incident' | 'warning' | 'info';
  readonly object: ObjectRef;
  readonly version?: string;
  readonly message: string;
  readonly remedy?: string;
  readonly at: Date;
}

export interface Notices {
  /**
   * Queues it once for each channel that takes notices of the object; the queue's own function delivers it, and repeats what fails.
   * May be repeated.
   * @throws UNAVAILABLE, TIMED_OUT, ACCESS_DENIED of the queue: some channels may be told then, and others not
   */
  tell(notice: Notice, call: Call): Promise<void>;
}

/** A notice on its way to one channel. */
export interface NoticeMessage {
  /** Its name in the settings. */
  readonly channel: string;
  readonly notice: Notice;
  /** How often it was put back because the channel had asked for more time; 0 when absent. */
  readonly putBack?: number;
}

export interface NoticeQueue {
  /** At-least-once; visible after `delayMs`, as `WorkQueue` has it. */
  notify(message: NoticeMessage, delayMs: number, call: Call): Promise<void>;
}
