import { existsSync, readFileSync, watch, type FSWatcher } from 'node:fs';
import { dirname } from 'node:path';
import type { Traffic } from '../traffic.ts';

/**
 * `<time>\t<connection> <command>\t<argument>`; MariaDB leaves the time out within a second, and a further line of the same
 * statement has none of that.
 */
const LINE = /^(?:\d{6} +\d+:\d\d:\d\d|\t|\d{4}-\d\d-\d\dT[\d:.]+Z)\t *(\d+) ([A-Z][A-Za-z ]*)\t(.*)$/s;

interface Connection {
  readonly own: boolean;
  /** The log-in that is not counted yet: how it ends shows in the next line of this connection. */
  login: string | undefined;
}

/**
 * Follows the server's general log and counts each log-in and each statement in the traffic.
 *
 * Operations: `LOGIN app_a`, and the first two words of a statement; never more of it, so that nothing secret can get in. The
 * log does not say how a statement ended, so its outcome is `sent`. A log-in is `ok` when a statement follows it, `1045` when
 * it was refused for its password, and `sent` when nothing has followed, which may be a refusal of another kind. Connections
 * through the server's socket are the sandbox's own, and are not counted.
 */
export class GeneralLog {
  readonly #traffic: Traffic;
  readonly #file: string;
  readonly #onText: (text: string) => void;
  readonly #watcher: FSWatcher;
  readonly #connections = new Map<string, Connection>();
  #read = 0;
  #text = '';
  #rest = '';

  constructor(file: string, traffic: Traffic, onText: (text: string) => void) {
    this.#file = file;
    this.#traffic = traffic;
    this.#onText = onText;
    this.#watcher = watch(dirname(file), () => this.#take());
    this.#take();
  }

  get text(): string {
    this.#take();
    return this.#text;
  }

  /** All that the server has done is in the traffic after this: it writes a statement down before it does it. */
  settle(): void {
    this.#take();
    for (const connection of this.#connections.values()) this.#loggedIn(connection, 'sent');
  }

  close(): void {
    this.settle();
    this.#watcher.close();
  }

  /** Takes what is new in the file. */
  #take(): void {
    if (!existsSync(this.#file)) return;
    const chunk = readFileSync(this.#file).subarray(this.#read);
    if (chunk.length === 0) return;
    this.#read += chunk.length;
    const text = chunk.toString('utf8');
    this.#text += text;
    this.#onText(text);
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    const [, id = '', command = '', argument = ''] = LINE.exec(line) ?? [];
    if (command === 'Connect') this.#connect(id, argument);
    const connection = this.#connections.get(id);
    if (connection === undefined || connection.own) return;
    if (command === 'Query') {
      this.#loggedIn(connection, 'ok');
      this.#traffic.record('mysql', argument.trim().split(/\s+/, 2).join(' '), 'sent');
    }
    if (command === 'Quit') {
      this.#loggedIn(connection, 'ok');
      this.#connections.delete(id);
    }
  }

  #connect(id: string, argument: string): void {
    const known = this.#connections.get(id);
    if (argument.startsWith('Access denied')) {
      if (known !== undefined) this.#loggedIn(known, '1045');
      this.#connections.delete(id);
      return;
    }
    const user = /^(.*)@\S* (?:on|as) /s.exec(argument)?.[1] ?? '';
    this.#connections.set(id, { own: argument.endsWith('using Socket'), login: `LOGIN ${user}` });
  }

  #loggedIn(connection: Connection, outcome: string): void {
    if (connection.login !== undefined && !connection.own) this.#traffic.record('mysql', connection.login, outcome);
    connection.login = undefined;
  }
}
