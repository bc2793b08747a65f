import { RotationError } from '../rotation/errors.ts';
import type {
  Notice,
  NoticeMessage,
  ObjectKind,
  ObjectRef,
  PropagateMessage,
  RotateMessage,
  Trigger,
} from '../rotation/ports.ts';

const KINDS: readonly ObjectKind[] = ['secret', 'key', 'certificate'];
const TRIGGERS: readonly Trigger[] = [
  ...(['near-expiry', 'expired', 'sweep', 'source', 'manual', 'compromised', 'resume', 'new-version'] as const),
];

const NOTICE_KINDS: readonly Notice['kind'][] = [
  ...(['certificate-expired', 'action-needed', 'renewal-failed', 'rotation-blocked', 'rotation-failed'] as const),
];
const SEVERITIES: readonly Notice['severity'][] = ['incident', 'warning', 'info'];

/**
 * Reads a message of the queue `rotation`, as the object that the Functions host made of it or as JSON text.
 * @throws EVENT_INVALID saying what is wrong with it; no repetition makes it better
 */
export function decodeRotateMessage(input: unknown): RotateMessage {
  const raw = parse(input, 'rotation');
  const trigger = TRIGGERS.find((one) => one === raw['trigger']);
  if (trigger === undefined)
    throw invalid('rotation', `has the trigger ${shown(raw['trigger'])}; there are ${TRIGGERS.join(', ')}`);
  const force = raw['force'];
  if (force !== undefined && typeof force !== 'boolean')
    throw invalid('rotation', 'has a force that is neither true nor false');
  const version = optional(raw, 'version');
  const rotationId = optional(raw, 'rotationId');
  const requestedBy = optional(raw, 'requestedBy');
  const askedAt = optional(raw, 'askedAt');
  return {
    object: decodeObject(raw['object'], 'rotation'),
    trigger,
    ...(version === undefined ? {} : { version }),
    ...(rotationId === undefined ? {} : { rotationId }),
    ...(force === undefined ? {} : { force }),
    ...(requestedBy === undefined ? {} : { requestedBy }),
    ...(askedAt === undefined ? {} : { askedAt }),
  };
}

/**
 * Reads a message of the queue `propagation`.
 * @throws EVENT_INVALID
 */
export function decodePropagateMessage(input: unknown): PropagateMessage {
  const raw = parse(input, 'propagation');
  const version = optional(raw, 'version', 'propagation');
  if (version === undefined) throw invalid('propagation', 'names no version');
  const flags = (['resumes', 'again', 'gaps', 'recheck'] as const).filter((name) => flag(raw, name));
  return {
    object: decodeObject(raw['object'], 'propagation'),
    version,
    ...Object.fromEntries(flags.map((name) => [name, true])),
  };
}

/**
 * Reads a message of the queue `notices`.
 * @throws EVENT_INVALID
 */
export function decodeNoticeMessage(input: unknown): NoticeMessage {
  const raw = parse(input, 'notices');
  const notice = raw['notice'];
  if (!isRecord(notice)) throw invalid('notices', 'has no notice');
  const kind = NOTICE_KINDS.find((one) => one === notice['kind']);
  const severity = SEVERITIES.find((one) => one === notice['severity']);
  if (kind === undefined || severity === undefined)
    throw invalid('notices', 'has a notice of no known kind or severity');
  const at = new Date(String(notice['at']));
  if (Number.isNaN(at.getTime())) throw invalid('notices', 'has a notice without a time');
  const version = optional(notice, 'version', 'notices');
  const remedy = optional(notice, 'remedy', 'notices');
  const putBack = raw['putBack'] ?? 0;
  if (!Number.isInteger(putBack)) throw invalid('notices', 'has a putBack that is no whole number');
  return {
    channel: required(raw, 'channel'),
    notice: {
      ...{ id: required(notice, 'id'), kind, severity, object: decodeObject(notice['object'], 'notices') },
      ...(version === undefined ? {} : { version }),
      message: required(notice, 'message'),
      ...(remedy === undefined ? {} : { remedy }),
      at,
    },
    ...(putBack === 0 ? {} : { putBack: Number(putBack) }),
  };
}

function required(raw: Readonly<Record<string, unknown>>, key: string): string {
  const value = optional(raw, key, 'notices');
  if (value === undefined) throw invalid('notices', `has no ${key}`);
  return value;
}

function flag(raw: Readonly<Record<string, unknown>>, name: string): boolean {
  const value = raw[name] ?? false;
  if (typeof value !== 'boolean') throw invalid('propagation', `has a ${name} that is neither true nor false`);
  return value;
}

function decodeObject(value: unknown, queue: string): ObjectRef {
  if (!isRecord(value)) throw invalid(queue, 'names no object');
  const kind = KINDS.find((one) => one === value['kind']);
  const { vault, name } = value;
  if (kind === undefined) throw invalid(queue, `has an object of the kind ${shown(value['kind'])}`);
  if (typeof vault !== 'string' || !URL.canParse(vault) || new URL(vault).protocol !== 'https:') {
    throw invalid(queue, `has an object in the vault ${shown(vault)}, which is no https address`);
  }
  if (typeof name !== 'string' || !/^[0-9a-z-]{1,127}$/i.test(name)) {
    throw invalid(queue, `has an object with the name ${shown(name)}`);
  }
  return { kind, vault: new URL(vault).origin, name: name.toLowerCase() };
}

function optional(raw: Readonly<Record<string, unknown>>, key: string, queue = 'rotation'): string | undefined {
  const value = raw[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && value !== '') return value;
  throw invalid(queue, `has a ${key} that is no text`);
}

function parse(input: unknown, queue: string): Readonly<Record<string, unknown>> {
  let value = input;
  if (typeof input === 'string') {
    try {
      value = JSON.parse(input) as unknown;
    } catch (cause) {
      throw invalid(queue, 'is not JSON', cause);
    }
  }
  if (!isRecord(value)) throw invalid(queue, 'is not an object');
  return value;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 100)) : `of the type ${typeof value}`;
}

function invalid(queue: string, what: string, cause?: unknown): RotationError {
  return new RotationError({
    code: 'EVENT_INVALID',
    recovery: 'human',
    message: `a message of the queue ${queue} ${what}`,
    remedy: `It goes to the queue ${queue}-poison; look at who wrote it there: only Keyturn puts messages into ${queue}.`,
    ...(cause instanceof SyntaxError ? { cause: new Error('not JSON') } : {}),
  });
}
