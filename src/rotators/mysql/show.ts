/* Reads what SHOW CREATE USER and SHOW GRANTS print. Both print hashes of passwords: they are dropped here, first of all. */
import type { Authentication } from './password.ts';
import type { Account } from './sql.ts';

/** What an account is, besides its grants. */
export interface Description {
  /** Or the reason why no password can be set by this rotator, in words. */
  readonly authentication: Authentication | string;
  /** Who must use TLS, resource limits, password policy, default roles: the clause's name and its value. */
  readonly settings: ReadonlyMap<string, string>;
}

/** One thing that an account was given. `give` and `take` are statements with the account to be put in the middle. */
export interface Grant {
  readonly key: string;
  readonly give: readonly [string, string] | null;
  readonly take: readonly [string, string] | null;
}

const QUOTED = /`(?:[^`]|``)*`|'(?:[^']|'')*'|"(?:[^"]|"")*"/g;
const MARK = '\u0001';
const MARKED = /\u0001(\d+)\u0001/g;
/** `user`@`host`, or 'user'@'host' in MySQL 5.7, marked. */
const PIECE = `${MARK}\\d+${MARK}`;
const NAME = `${PIECE}(?:@${PIECE})?`;

/** Puts a mark in the place of everything quoted, so that no name can be taken for a keyword. */
class Marked {
  readonly text: string;
  readonly #pieces: string[] = [];

  constructor(text: string) {
    this.text = text.replace(QUOTED, (piece) => `${MARK}${this.#pieces.push(piece) - 1}${MARK}`);
  }

  restore(text: string): string {
    return text.replace(MARKED, (_, index: string) => this.#pieces[Number(index)] ?? '');
  }

  /** Does the marked name mean this account? A role of MariaDB has no host. */
  means(name: string, account: Account): boolean {
    const parts = Array.from(name.matchAll(MARKED), ([, index]) => unquoted(this.#pieces[Number(index)] ?? ''));
    return parts[0] === account.user && parts[1] === account.host;
  }
}

function unquoted(piece: string): string {
  const quote = piece[0] ?? '';
  return piece.slice(1, -1).replaceAll(quote + quote, quote);
}

/**
 * `CREATE USER … IDENTIFIED WITH 'plugin' AS '…' [DEFAULT ROLE …] REQUIRE …` of MySQL, in which REQUIRE always stands and the
 * stored form, of any bytes, must not be read; `CREATE USER … [IDENTIFIED BY PASSWORD '…' | IDENTIFIED VIA plugin USING '…' [OR …]]
 * …` of MariaDB, which leaves out whatever is as usual, the empty password too.
 */
export function describeUser(created: string): Description {
  const mysql = /^CREATE USER .*? IDENTIFIED WITH '(\w+)'(?: AS .*?)?( DEFAULT ROLE .*?)? (REQUIRE .*)$/s.exec(created);
  if (mysql !== null) {
    const [, plugin = '', roles = '', rest = ''] = mysql;
    return { authentication: { dialect: 'mysql', plugin }, settings: settingsIn(`${roles} ${rest}`) };
  }
  const marked = new Marked(created);
  const mariadb = MARIADB.exec(marked.text);
  if (mariadb === null) return { authentication: 'the server describes it in an unknown way', settings: new Map() };
  const [, clause = '', rest = ''] = mariadb;
  return { authentication: ofMariaDb(clause), settings: settingsIn(marked.restore(rest)) };
}

const MARIADB = new RegExp(
  `^CREATE USER ${PIECE}@${PIECE}( IDENTIFIED BY PASSWORD ${PIECE}| IDENTIFIED VIA \\w+(?: USING ${PIECE})?(?: OR \\w+(?: USING ${PIECE})?)*)?((?! IDENTIFIED).*)$`,
  's',
);

function ofMariaDb(clause: string): Authentication | string {
  if (/ OR /.test(clause)) return 'it may log in in more than one way (IDENTIFIED VIA … OR …)';
  const plugin = / VIA (\w+)/.exec(clause)?.[1] ?? 'mysql_native_password';
  return { dialect: 'mariadb', plugin };
}

const CLAUSE =
  / +(?=(?:(?<!PASSWORD )REQUIRE|WITH|MAX_[A-Z_]+|PASSWORD [A-Z]+|FAILED_LOGIN_ATTEMPTS|PASSWORD_LOCK_TIME|ACCOUNT|COMMENT|ATTRIBUTE|DEFAULT ROLE)\b)/;
const NAMED =
  /^(REQUIRE|MAX_[A-Z_]+|PASSWORD (?:EXPIRE|HISTORY|REUSE INTERVAL|REQUIRE CURRENT)|FAILED_LOGIN_ATTEMPTS|PASSWORD_LOCK_TIME|DEFAULT ROLE)(?: (.*))?$/s;

/** A lock is not compared, for the next `set` ends it; nor is a comment, which gives nobody a right. */
function settingsIn(text: string): ReadonlyMap<string, string> {
  const marked = new Marked(text);
  const settings = new Map<string, string>();
  for (const clause of marked.text.split(CLAUSE)) {
    const [, name, value = ''] = NAMED.exec(clause.trim()) ?? [];
    if (name !== undefined) settings.set(name, marked.restore(value));
  }
  return settings;
}

/** The grants in the lines of SHOW GRANTS that are about this account; MariaDB prints those of its roles as well. */
export function grantsIn(lines: readonly string[], account: Account): readonly Grant[] {
  return lines.flatMap((line) => {
    const marked = new Marked(line);
    const [, what = '', grantee = '', tail = ''] =
      new RegExp(`^(.*) (?:TO|FROM|FOR) (${NAME})(.*)$`, 's').exec(withoutPassword(marked.text)) ?? [];
    if (grantee !== '' && !marked.means(grantee, account)) return [];
    return grantsOf(what, tail).map(({ key, give, take }) => ({
      key: marked.restore(key),
      give: give && [marked.restore(give[0]), give[1]],
      take: take && [marked.restore(take[0]), take[1]],
    }));
  });
}

/** MariaDB prints how the account proves itself, and its limits, into the line of its global grants. */
function withoutPassword(text: string): string {
  return text.replace(new RegExp(` IDENTIFIED (?:BY PASSWORD|VIA) .*?(?= REQUIRE | WITH |$)`, 's'), '');
}

function grantsOf(what: string, tail: string): readonly Grant[] {
  const privileges = /^GRANT (.+?) ON (.+)$/s.exec(what);
  if (privileges !== null) return ofPrivileges(privileges[1] ?? '', privileges[2] ?? '', / GRANT OPTION\b/.test(tail));
  const role = /^SET DEFAULT ROLE (.+)$/s.exec(what)?.[1];
  if (role !== undefined) {
    const give = [`SET DEFAULT ROLE ${role} FOR `, ''] as const;
    return [{ key: `DEFAULT ROLE ${role}`, give, take: ['SET DEFAULT ROLE NONE FOR ', ''] }];
  }
  const roles = /^GRANT (.+)$/s.exec(what)?.[1];
  if (roles !== undefined) return roles.split(/, */).map((one) => ofRole(one, tail));
  // A partial revoke of MySQL: what the account may do everywhere but here.
  const except = /^REVOKE (.+? ON .+)$/s.exec(what)?.[1];
  if (except !== undefined) {
    return [{ key: `NOT ${except}`, give: [`REVOKE ${except} FROM `, ''], take: [`GRANT ${except} TO `, ''] }];
  }
  // An unknown kind of grant: compared as it is printed, and mended by hand.
  return [{ key: `${what}${tail}`, give: null, take: null }];
}

function ofRole(role: string, tail: string): Grant {
  const admin = / ADMIN OPTION\b/.test(tail) ? ' WITH ADMIN OPTION' : '';
  return { key: `ROLE ${role}${admin}`, give: [`GRANT ${role} TO `, admin], take: [`REVOKE ${role} FROM `, ''] };
}

function ofPrivileges(privileges: string, place: string, grantable: boolean): readonly Grant[] {
  const single = privileges.split(/, *(?![^()]*\))/).flatMap((privilege) => {
    const [, name = privilege, columns] = /^(.*?) *\((.*)\)$/.exec(privilege) ?? [];
    return columns === undefined ? [name] : columns.split(/, */).map((column) => `${name} (${column})`);
  });
  const grants: Grant[] = single
    .filter((privilege) => privilege !== 'USAGE')
    .map((privilege) => {
      const what = `${privilege} ON ${place}`;
      // PROXY can be passed on only as it was given.
      const option = grantable && privilege === 'PROXY' ? ' WITH GRANT OPTION' : '';
      return { key: `${what}${option}`, give: [`GRANT ${what} TO `, option], take: [`REVOKE ${what} FROM `, ''] };
    });
  if (grantable && !single.includes('PROXY')) {
    const give = [`GRANT USAGE ON ${place} TO `, ' WITH GRANT OPTION'] as const;
    grants.push({ key: `GRANT OPTION ON ${place}`, give, take: [`REVOKE GRANT OPTION ON ${place} FROM `, ''] });
  }
  return grants;
}
