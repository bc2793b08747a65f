import type { Traffic } from '../traffic.ts';

/** `%u` is the log-in name, which may hold anything; the words after it end it. */
export const LOG_LINE_PREFIX = '%m [%p] %e %u ';

const LINE =
  /^\d{4}-\d\d-\d\d [\d:.]+ \S+ \[(\d+)\] (\S{5}) (.*?) ?(DEBUG\d?|LOG|INFO|NOTICE|WARNING|ERROR|FATAL|PANIC|DETAIL|HINT|QUERY|CONTEXT|LOCATION|STATEMENT):  (.*)$/s;

interface Backend {
  authorized: boolean;
  /** A statement that has begun and of which the end has not been logged yet. */
  statement?: string;
}

/**
 * Reads the server's log as it comes and counts each log-in and each statement in the traffic.
 *
 * Operations: `LOGIN app_a`, `LOGIN app_a as <application name>` where the client gave another name than `keyturn`,
 * and the first two words of a statement. Never more of it, so that nothing secret can get in. The outcome is `ok` or
 * the SQLSTATE. Connections of the sandbox itself are not counted,
 * except that a refused log-in is always counted: the server does not say which application tried it.
 */
export class ServerLog {
  readonly #traffic: Traffic;
  readonly #own: ReadonlySet<string>;
  readonly #backends = new Map<string, Backend>();
  readonly #waiting = new Map<string, () => void>();
  #rest = '';
  #entry = '';
  #text = '';

  /** @param own log-in names and application names that are the sandbox's own */
  constructor(traffic: Traffic, own: readonly string[]) {
    this.#traffic = traffic;
    this.#own = new Set(own);
  }

  get text(): string {
    return this.#text;
  }

  /** Resolves when a line with this text has been read, and so everything that the server wrote before it. */
  seen(marker: string): Promise<void> {
    return new Promise((resolve) => this.#waiting.set(marker, resolve));
  }

  write(chunk: string): void {
    this.#text += chunk;
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      // A further line of the same entry starts with a tab.
      if (line.startsWith('\t')) this.#entry += `\n${line.slice(1)}`;
      else {
        this.#flush();
        this.#entry = line;
      }
    }
    // Whatever follows a complete line belongs to the next entry, except further lines of a statement: its first two
    // words are known by then.
    if (this.#rest === '') this.#flush();
  }

  #flush(): void {
    const match = LINE.exec(this.#entry);
    this.#entry = '';
    if (match === null) return;
    const [, pid = '', state = '', user = '', level = '', text = ''] = match;
    for (const [marker, resolve] of this.#waiting) {
      if (!text.includes(marker)) continue;
      this.#waiting.delete(marker);
      resolve();
    }
    this.#read(pid, state, user, level, text);
  }

  #read(pid: string, state: string, user: string, level: string, text: string): void {
    const backend = this.#backends.get(pid) ?? { authorized: false };
    this.#backends.set(pid, backend);
    if (level === 'ERROR' || level === 'FATAL') {
      this.#failed(backend, state, user, level);
      return;
    }
    if (level !== 'LOG') return;
    if (text.startsWith('duration: ')) {
      this.#ended(backend, 'ok');
      return;
    }
    if (text.startsWith('disconnection: ')) {
      this.#ended(backend, 'ok');
      this.#backends.delete(pid);
      return;
    }
    const login = /^connection authorized: user=(.*?) database=.*?(?: application_name=(.*?))?(?: SSL enabled .*)?$/s;
    const authorized = login.exec(text);
    if (authorized !== null) {
      backend.authorized = true;
      this.#login(authorized[1] ?? user, authorized[2], 'ok');
      return;
    }
    const statement = /^(?:statement|execute [^:]*): (.*)$/s.exec(text);
    if (statement === null || this.#own.has(user)) return;
    this.#ended(backend, 'ok');
    backend.statement = (statement[1] ?? '').trim().split(/\s+/, 2).join(' ');
  }

  #failed(backend: Backend, state: string, user: string, level: string): void {
    if (backend.statement !== undefined) this.#ended(backend, state);
    else if (level === 'FATAL' && !backend.authorized && user !== '') this.#login(user, 'keyturn', state);
  }

  #ended(backend: Backend, outcome: string): void {
    if (backend.statement === undefined) return;
    this.#traffic.record('postgres', backend.statement, outcome);
    delete backend.statement;
  }

  #login(user: string, application: string | undefined, outcome: string): void {
    if (this.#own.has(user) || (application !== undefined && this.#own.has(application))) return;
    const suffix = application === undefined || application === 'keyturn' ? '' : ` as ${application}`;
    this.#traffic.record('postgres', `LOGIN ${user}${suffix}`, outcome);
  }
}
