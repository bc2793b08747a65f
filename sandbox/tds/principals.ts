import type { SecurableClass } from './statements.ts';
import type { StoredPassword } from './passwords.ts';

/** One row of sys.server_permissions or sys.database_permissions. */
export interface Grant {
  readonly permission: string;
  readonly state: 'GRANT' | 'DENY' | 'GRANT_WITH_GRANT_OPTION';
  readonly class: SecurableClass;
  /** Schema, object; empty for a server or a database. */
  readonly on: readonly string[];
}

export interface Principal {
  readonly id: number;
  readonly name: string;
  readonly sid: string;
  readonly roles: Set<string>;
  grants: Grant[];
  password: StoredPassword | undefined;
}

export interface Login extends Principal {
  /** S: SQL login, E: Entra identity. */
  readonly type: 'S' | 'E';
  /** Application or object id of an Entra identity. */
  readonly entraId: string | undefined;
  disabled: boolean;
  checkPolicy: boolean;
}

export interface User extends Principal {
  /** R: role. */
  readonly type: 'S' | 'E' | 'R';
  /** 0 none, 1 login, 2 contained with a password, 4 Entra. */
  readonly authentication: 0 | 1 | 2 | 4;
  defaultSchema: string;
}

export interface Database {
  readonly id: number;
  readonly name: string;
  readonly principals: Map<string, User>;
  readonly schemas: string[];
  /** `schema.object` */
  readonly objects: string[];
}

/** One connection: a row of sys.dm_exec_sessions. */
export interface Session {
  readonly id: number;
  readonly user: string;
  readonly host: string;
  readonly program: string;
  readonly loginTime: Date;
  /** The server's principal, absent for a contained user. */
  readonly login: Login | undefined;
  database: Database;
  readonly end: () => void;
}

/** Names are compared as the default collation does: without case. */
export function key(name: string): string {
  return name.toLowerCase();
}
