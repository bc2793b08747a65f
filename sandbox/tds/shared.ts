import type tls from 'node:tls';
import type { SandboxContext } from '../context.ts';
import type { VerifyToken } from './authenticate.ts';
import type { Directory } from './directory.ts';

/** What every connection of one endpoint shares. */
export interface Shared {
  readonly ctx: SandboxContext;
  readonly directory: Directory;
  readonly secureContext: tls.SecureContext;
  readonly verifyToken: VerifyToken | undefined;
  readonly serverName: string;
  readonly log: (line: string) => void;
}

/** The connection goes away without an answer. */
export class Dropped extends Error {}
