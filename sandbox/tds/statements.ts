import { Cursor } from './cursor.ts';
import { tokenize, type SqlToken } from './lexer.ts';

export type SecurableClass = 'server' | 'database' | 'object' | 'schema' | 'login' | 'user';

export type Statement =
  | { readonly kind: 'select'; readonly tokens: readonly SqlToken[]; readonly sql: string; readonly from: string }
  | { readonly kind: 'set' }
  | { readonly kind: 'use'; readonly name: string }
  | { readonly kind: 'kill'; readonly id: number }
  | { readonly kind: 'create-login'; readonly name: string; readonly options: Options }
  | { readonly kind: 'alter-login'; readonly name: string; readonly options: Options; readonly state?: boolean }
  | { readonly kind: 'create-user'; readonly name: string; readonly login?: string; readonly options: Options }
  | { readonly kind: 'alter-user'; readonly name: string; readonly options: Options }
  | { readonly kind: 'drop'; readonly what: 'login' | 'user' | 'role'; readonly name: string }
  | {
      readonly kind: 'create';
      readonly what: 'role' | 'schema' | 'table' | 'database';
      readonly name: readonly string[];
    }
  | {
      readonly kind: 'member';
      readonly server: boolean;
      readonly role: string;
      readonly add: boolean;
      readonly member: string;
    }
  | {
      readonly kind: 'permission';
      readonly action: 'GRANT' | 'DENY' | 'REVOKE';
      readonly permissions: readonly string[];
      readonly on?: { readonly class: SecurableClass; readonly name: readonly string[] };
      readonly principals: readonly string[];
      readonly withGrantOption: boolean;
    };

/** `NAME = value` of a WITH clause, names in upper case. */
export type Options = Readonly<Record<string, string>>;

/** Parses a batch. @throws SqlError 102 where it is not understood */
export function parse(sql: string): Statement[] {
  const cursor = new Cursor(tokenize(sql));
  const statements: Statement[] = [];
  while (!cursor.ended) {
    if (cursor.accept(';')) continue;
    statements.push(statement(cursor, sql));
  }
  return statements;
}

/** Verb and object, as traffic and the log name it. Never a value. */
export function label(of: Statement): string {
  switch (of.kind) {
    case 'select':
      return `SELECT ${of.from}`;
    case 'set':
      return 'SET';
    case 'use':
      return `USE ${of.name}`;
    case 'kill':
      return `KILL ${of.id}`;
    case 'create-login':
    case 'alter-login':
    case 'create-user':
    case 'alter-user':
      return `${of.kind.replace('-', ' ').toUpperCase()} ${of.name}`;
    case 'drop':
      return `DROP ${of.what.toUpperCase()} ${of.name}`;
    case 'create':
      return `CREATE ${of.what.toUpperCase()} ${of.name.join('.')}`;
    case 'member':
      return `ALTER ${of.server ? 'SERVER ' : ''}ROLE ${of.role} ${of.add ? 'ADD' : 'DROP'} MEMBER ${of.member}`;
    case 'permission':
      return `${of.action} ${of.permissions.join(', ')} TO ${of.principals.join(', ')}`;
  }
}

function statement(cursor: Cursor, sql: string): Statement {
  if (cursor.token.kind === 'word' && ['SELECT', 'WITH'].includes(cursor.token.value.toUpperCase())) {
    return select(cursor, sql);
  }
  if (cursor.accept('SET')) {
    while (!cursor.ended && !['SET', ';'].includes(cursor.token.value.toUpperCase())) cursor.take();
    return { kind: 'set' };
  }
  if (cursor.accept('USE')) return { kind: 'use', name: cursor.name() };
  if (cursor.accept('KILL')) {
    if (cursor.token.kind !== 'number') throw cursor.wrong();
    return { kind: 'kill', id: Number(cursor.take().value) };
  }
  for (const action of ['GRANT', 'DENY', 'REVOKE'] as const)
    if (cursor.accept(action)) return permission(cursor, action);
  for (const what of ['login', 'user', 'role'] as const) {
    if (cursor.accept('DROP', what.toUpperCase())) return { kind: 'drop', what, name: cursor.name() };
  }
  if (cursor.accept('CREATE')) return create(cursor);
  if (cursor.accept('ALTER')) return alter(cursor);
  throw cursor.wrong();
}

/** Everything up to a semicolon outside brackets. */
function select(cursor: Cursor, sql: string): Statement {
  const tokens: SqlToken[] = [];
  let from = '';
  for (let depth = 0; !cursor.ended && !(depth === 0 && cursor.token.value === ';');) {
    const token = cursor.take();
    if (token.kind === 'symbol' && token.value === '(') depth += 1;
    if (token.kind === 'symbol' && token.value === ')') depth -= 1;
    tokens.push(token);
    if (from === '' && token.kind === 'word' && token.value.toUpperCase() === 'FROM') {
      from = /^\s*([\w.]+)/.exec(sql.slice(token.end))?.[1] ?? '';
    }
  }
  return { kind: 'select', tokens, sql, from };
}

function create(cursor: Cursor): Statement {
  if (cursor.accept('LOGIN')) {
    return { kind: 'create-login', name: cursor.name(), options: options(cursor) };
  }
  if (cursor.accept('USER')) {
    const name = cursor.name();
    const login = cursor.accept('FOR', 'LOGIN') || cursor.accept('FROM', 'LOGIN') ? { login: cursor.name() } : {};
    return { kind: 'create-user', name, ...login, options: options(cursor) };
  }
  for (const what of ['role', 'schema', 'database', 'table'] as const) {
    if (!cursor.accept(what.toUpperCase())) continue;
    const name = dotted(cursor);
    for (let depth = 0; what === 'table' && !cursor.ended;) {
      const token = cursor.take();
      if (token.value === '(') depth += 1;
      if (token.value === ')' && --depth === 0) break;
    }
    return { kind: 'create', what, name };
  }
  throw cursor.wrong();
}

function alter(cursor: Cursor): Statement {
  if (cursor.accept('LOGIN')) {
    const name = cursor.name();
    if (cursor.accept('ENABLE')) return { kind: 'alter-login', name, options: {}, state: true };
    if (cursor.accept('DISABLE')) return { kind: 'alter-login', name, options: {}, state: false };
    return { kind: 'alter-login', name, options: options(cursor, true) };
  }
  if (cursor.accept('USER')) return { kind: 'alter-user', name: cursor.name(), options: options(cursor, true) };
  const server = cursor.accept('SERVER', 'ROLE');
  if (!server) cursor.expect('ROLE');
  const role = cursor.name();
  const add = cursor.accept('ADD');
  if (!add) cursor.expect('DROP');
  cursor.expect('MEMBER');
  return { kind: 'member', server, role, add, member: cursor.name() };
}

/** `WITH NAME = value, …`; a password may be followed by `OLD_PASSWORD = …`, MUST_CHANGE or UNLOCK. */
function options(cursor: Cursor, required = false): Options {
  if (!cursor.accept('WITH')) {
    if (required) throw cursor.wrong();
    return {};
  }
  const found: Record<string, string> = {};
  do {
    const name = cursor.name().toUpperCase();
    cursor.expect('=');
    found[name] = cursor.token.kind === 'string' ? cursor.string() : cursor.name();
    if (cursor.accept('OLD_PASSWORD', '=')) found['OLD_PASSWORD'] = cursor.string();
    if (cursor.accept('MUST_CHANGE')) found['MUST_CHANGE'] = 'ON';
    if (cursor.accept('UNLOCK')) found['UNLOCK'] = 'ON';
  } while (cursor.accept(','));
  return found;
}

function dotted(cursor: Cursor): string[] {
  const parts = [cursor.name()];
  while (cursor.accept('.')) parts.push(cursor.name());
  return parts;
}

function permission(cursor: Cursor, action: 'GRANT' | 'DENY' | 'REVOKE'): Statement {
  const stop = ['ON', 'TO', 'FROM'];
  const permissions = [cursor.words(stop)];
  while (cursor.accept(',')) permissions.push(cursor.words(stop));
  const on = cursor.accept('ON') ? { on: securable(cursor) } : {};
  if (!cursor.accept('TO')) cursor.expect('FROM');
  const principals = [cursor.name()];
  while (cursor.accept(',')) principals.push(cursor.name());
  const withGrantOption = cursor.accept('WITH', 'GRANT', 'OPTION');
  cursor.accept('CASCADE');
  return { kind: 'permission', action, permissions, ...on, principals, withGrantOption };
}

function securable(cursor: Cursor): { class: SecurableClass; name: readonly string[] } {
  for (const kind of ['DATABASE', 'SCHEMA', 'OBJECT', 'LOGIN', 'USER'] as const) {
    if (cursor.accept(kind, '::')) return { class: kind.toLowerCase() as SecurableClass, name: dotted(cursor) };
  }
  return { class: 'object', name: dotted(cursor) };
}
