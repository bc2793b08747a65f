import { randomBytes } from 'node:crypto';
import type { StoredPassword } from './passwords.ts';
import { key, type Database, type Login, type Session, type User } from './principals.ts';

const FIXED_ROLES = [
  ['public', 0],
  ['db_owner', 16384],
  ['db_accessadmin', 16385],
  ['db_securityadmin', 16386],
  ['db_ddladmin', 16387],
  ['db_backupoperator', 16389],
  ['db_datareader', 16390],
  ['db_datawriter', 16391],
  ['db_denydatareader', 16392],
  ['db_denydatawriter', 16393],
] as const;

export const SERVER_ROLES = [
  'sysadmin',
  'securityadmin',
  'serveradmin',
  'setupadmin',
  'processadmin',
  'diskadmin',
  'dbcreator',
  'bulkadmin',
  'loginmanager',
  'dbmanager',
];

/** What the server knows: logins, databases with their users, and who is connected. */
export class Directory {
  readonly edition: 'box' | 'azure';
  readonly logins = new Map<string, Login>();
  readonly databases = new Map<string, Database>();
  readonly sessions = new Map<number, Session>();
  #nextPrincipal = 256;
  #nextSession = 51;

  constructor(edition: 'box' | 'azure') {
    this.edition = edition;
    this.createDatabase('master');
  }

  createDatabase(name: string): Database {
    const database: Database = {
      id: this.databases.size + 1,
      name,
      principals: new Map(),
      schemas: ['dbo', 'guest', 'sys'],
      objects: [],
    };
    for (const [role, id] of FIXED_ROLES) this.#addUser(database, role, id, 'R', 0, '');
    this.#addUser(database, 'dbo', 1, 'S', 1, '01');
    this.databases.set(key(name), database);
    return database;
  }

  addLogin(name: string, made: Partial<Pick<Login, 'password' | 'type' | 'entraId' | 'checkPolicy'>>): Login {
    const login: Login = {
      id: this.#nextPrincipal,
      name,
      sid: randomBytes(16).toString('hex'),
      type: made.type ?? 'S',
      entraId: made.entraId,
      roles: new Set(),
      grants: [{ permission: 'CONNECT SQL', state: 'GRANT', class: 'server', on: [] }],
      password: made.password,
      disabled: false,
      checkPolicy: made.checkPolicy ?? true,
    };
    this.#nextPrincipal += 1;
    this.logins.set(key(name), login);
    return login;
  }

  addUser(database: Database, name: string, from: { login?: Login; password?: StoredPassword }): User {
    const id = this.#nextPrincipal;
    this.#nextPrincipal += 1;
    const contained = from.password !== undefined;
    const entra = from.login?.type === 'E';
    const user = this.#addUser(
      database,
      name,
      id,
      entra ? 'E' : 'S',
      contained ? 2 : entra ? 4 : from.login === undefined ? 0 : 1,
      from.login?.sid ?? randomBytes(16).toString('hex'),
    );
    user.password = from.password;
    user.grants.push({ permission: 'CONNECT', state: 'GRANT', class: 'database', on: [] });
    return user;
  }

  addRole(database: Database, name: string): User {
    const id = this.#nextPrincipal;
    this.#nextPrincipal += 1;
    return this.#addUser(database, name, id, 'R', 0, randomBytes(16).toString('hex'));
  }

  #addUser(
    database: Database,
    name: string,
    id: number,
    type: User['type'],
    authentication: User['authentication'],
    sid: string,
  ): User {
    const roles = new Set<string>(id === 1 ? ['db_owner'] : []);
    const user: User = {
      id,
      name,
      sid,
      type,
      authentication,
      roles,
      grants: [],
      password: undefined,
      defaultSchema: 'dbo',
    };
    database.principals.set(key(name), user);
    return user;
  }

  openSession(session: Omit<Session, 'id'>): Session {
    const made: Session = { ...session, id: this.#nextSession };
    this.#nextSession += 1;
    this.sessions.set(made.id, made);
    return made;
  }

  /** The user of a session in a database: dbo for sysadmin, the mapped or the contained user, or nobody. */
  userOf(login: Login | undefined, contained: string, database: Database): User | undefined {
    if (login === undefined) return database.principals.get(key(contained));
    if (login.roles.has('sysadmin')) return database.principals.get('dbo');
    return [...database.principals.values()].find((user) => user.sid === login.sid);
  }
}
