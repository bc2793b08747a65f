/**
 * Names that entries of the log carry as `event`, and the fields that alerts and the workbook read from them
 * (infra/modules/watch, docs/operations.md). Messages may change; these may not without their queries. The compiler sees to it that
 * who writes an entry gives its fields, and a test to it that nothing else is read.
 */
export const LOG_EVENTS = {
  /** What became of a message of the queue `rotation`. */
  'rotation.outcome': ['object', 'trigger', 'outcome', 'reason', 'rotationId', 'detail'],
  /** A run has stopped until somebody acts; again each day while it is so. */
  'rotation.blocked': ['object', 'rotationId', 'step', 'failure'],
  /** An attempt has failed and is repeated by itself. */
  'rotation.delayed': ['object', 'rotationId', 'step', 'attempts', 'failure'],
  /** What became of a message of the queue `propagation`. */
  'propagation.outcome': ['object', 'outcome', 'reason', 'detail'],
  /** Nothing more is done by itself about the consumers of a version: how many stand where. Again each day while one is without it. */
  'consumers.settled': ['object', 'version', 'verified', 'stale', 'failed', 'pinned', 'unreachable'],
  /** The platform gave a message up. */
  'message.poisoned': ['queue'],
  /** The sweep has come to its end, whatever it left out. */
  'sweep.completed': ['due', 'resumed', 'open', 'blocked'],
  /** The sweep has left something out. */
  'sweep.problem': ['code', 'problem', 'remedy'],
  /** What the sweep has seen in a vault. */
  'sweep.vault': ['vault', 'managed', 'unmanaged', 'withoutExpiry', 'expired', 'expiring'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type LogEvent = keyof typeof LOG_EVENTS;

/** Every field of the event: one that does not apply is `undefined`, and is not written. */
export type EventFields<E extends LogEvent> = Readonly<Record<(typeof LOG_EVENTS)[E][number], unknown>>;

/** The fields of an entry that queries look for. */
export function logged<E extends LogEvent>(event: E, fields: EventFields<E>): Readonly<Record<string, unknown>> {
  return { event, ...fields };
}
