import type { ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import type { HostMessage, Invocation } from './messages.ts';

const STOP_MS = 15_000;

/** The started process as the parent knows it. */
export class RunningHost {
  readonly invocations: Invocation[] = [];
  readonly answers: string[] = [];
  readonly exited: Promise<void>;
  functions: readonly string[] = [];
  port = 0;
  output = '';
  readonly #child: ChildProcess;
  readonly #events = new EventEmitter<{ ready: []; ran: [Invocation]; exited: [] }>();
  #over = false;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#events.setMaxListeners(0);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8');
      stream?.on('data', (text: string) => (this.output += text));
    }
    child.on('message', (message: HostMessage) => this.#hear(message));
    // 'close' and not 'exit': by then everything that the process wrote has been read.
    this.exited = once(child, 'close').then(() => {
      this.#over = true;
      this.#events.emit('exited');
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Resolves when every trigger is started; rejects with what the process wrote when it ends or takes too long. */
  async ready(timeoutMs: number): Promise<void> {
    await this.#until<true>(`was not ready after ${timeoutMs} ms`, timeoutMs, (done) => {
      const ready = (): void => done(true);
      this.#events.on('ready', ready);
      return () => this.#events.off('ready', ready);
    });
  }

  next(match: (run: Invocation) => boolean): Promise<Invocation> {
    return this.#until<Invocation>('', undefined, (done) => {
      const ran = (run: Invocation): void => {
        if (match(run)) done(run);
      };
      this.#events.on('ran', ran);
      return () => this.#events.off('ran', ran);
    });
  }

  tell(message: object): void {
    // A process that is just ending has closed the channel; its end is reported by `exited`.
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  /** Running functions end first; a process that does not come to an end is killed. */
  async stop(): Promise<void> {
    if (this.#over) return;
    this.tell({ type: 'stop' });
    const timer = setTimeout(() => this.kill(), STOP_MS);
    await this.exited;
    clearTimeout(timer);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #hear(message: HostMessage): void {
    if (message.type === 'indexed') this.functions = message.functions;
    if (message.type === 'ready') {
      this.port = message.port;
      this.#events.emit('ready');
    }
    if (message.type === 'answer') this.answers.push(message.text);
    if (message.type === 'invocation') {
      this.invocations.push(message.invocation);
      this.#events.emit('ran', message.invocation);
    }
  }

  #until<T>(late: string, timeoutMs: number | undefined, listen: (done: (value: T) => void) => () => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const fail = (what: string): void => {
        settle();
        reject(new Error(`the Functions host ${what}:\n${this.output}`));
      };
      const exited = (): void => fail('ended');
      const timer = timeoutMs === undefined ? undefined : setTimeout(() => fail(late), timeoutMs);
      const mute = listen((value) => {
        settle();
        resolve(value);
      });
      const settle = (): void => {
        clearTimeout(timer);
        mute();
        this.#events.off('exited', exited);
      };
      this.#events.on('exited', exited);
      if (this.#over) exited();
    });
  }
}
