/** What the host's process and the process that started it say to each other. */
import type { HostKeys } from './keys.ts';

/** Given as JSON in this environment variable, which the app does not get to see. */
export const OPTIONS_VARIABLE = 'SANDBOX_HOST_OPTIONS';

export interface ProcessOptions {
  readonly appDir: string;
  readonly port: number;
  readonly pollMs: number;
  readonly keys: HostKeys;
  /** Tell the parent what is answered over HTTP. */
  readonly tellAnswers: boolean;
  /** Load the app, say what it registered, and exit: no trigger is started. */
  readonly indexOnly: boolean;
}

/** One finished run of a function. */
export interface Invocation {
  readonly functionName: string;
  readonly invocationId: string;
  readonly succeeded: boolean;
  /** Message of what it threw. */
  readonly error?: string;
  readonly durationMs: number;
}

export type HostMessage =
  | { readonly type: 'indexed'; readonly functions: readonly string[]; readonly loadMs: number }
  | { readonly type: 'ready'; readonly port: number }
  | { readonly type: 'invocation'; readonly invocation: Invocation }
  | { readonly type: 'answer'; readonly text: string };

export interface StopMessage {
  readonly type: 'stop';
}
