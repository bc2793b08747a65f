import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type tls from 'node:tls';
import type { FaultAction } from '../faults.ts';
import { authenticate } from './authenticate.ts';
import type { Session } from './principals.ts';
import { faultError, loginFailed, SqlError } from './errors.ts';
import { preloginAnswer, readLogin7, readPrelogin, type Login7 } from './login7.ts';
import { MessageReader, PACKET, packets, type Message } from './packets.ts';
import { readBatch, readRpc, type Request } from './requests.ts';
import { runBatch } from './run-batch.ts';
import { Dropped, type Shared } from './shared.ts';
import { startTls } from './tls-in-tds.ts';
import * as token from './tokens.ts';

/** One client, from its first byte to its last. */
export class Connection {
  readonly #socket: Socket;
  readonly #shared: Shared;
  readonly #reader = new MessageReader();
  #clear: Socket | tls.TLSSocket;
  #state: 'prelogin' | 'login' | 'ready' = 'prelogin';
  #encrypted = false;
  #session: Session | undefined;
  #settled = false;
  #work: Promise<void> = Promise.resolve();
  #running: AbortController | undefined;
  readonly #gone = new AbortController();

  constructor(socket: Socket, shared: Shared) {
    this.#socket = socket;
    this.#clear = socket;
    this.#shared = shared;
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#closed());
    socket.on('data', this.#receive);
  }

  end(): void {
    this.#socket.destroy();
  }

  #closed(): void {
    this.#gone.abort();
    this.#running?.abort();
    if (this.#session !== undefined) this.#shared.directory.sessions.delete(this.#session.id);
  }

  readonly #receive = (chunk: Buffer): void => {
    try {
      for (const message of this.#reader.push(chunk)) {
        // An attention overtakes the request that it cancels.
        if (message.type === PACKET.attention && this.#running !== undefined) this.#running.abort();
        else this.#work = this.#work.then(() => this.#answer(message)).catch((error: unknown) => this.#fail(error));
      }
    } catch (error) {
      this.#fail(error);
    }
  };

  #fail(error: unknown): void {
    if (!(error instanceof Dropped))
      this.#shared.log(`Error: ${error instanceof Error ? error.message : String(error)}`);
    this.#socket.destroy();
  }

  async #answer(message: Message): Promise<void> {
    if (this.#gone.signal.aborted) return;
    if (this.#state === 'prelogin' && message.type === PACKET.prelogin) {
      this.#prelogin(message.data);
      return;
    }
    if (this.#state === 'login' && message.type === PACKET.login7) return this.#login(readLogin7(message.data));
    if (this.#state === 'ready' && this.#session !== undefined) {
      if (message.type === PACKET.attention) {
        this.#send(token.done('batch', token.DONE_STATUS.attention));
        return;
      }
      if (message.type === PACKET.batch) return this.#request(() => readBatch(message.data), this.#session);
      if (message.type === PACKET.rpc) return this.#request(() => readRpc(message.data), this.#session);
    }
    throw new Error(`a packet of type ${message.type} does not belong here`);
  }

  #prelogin(data: Buffer): void {
    const asked = readPrelogin(data);
    this.#socket.write(packets(PACKET.response, preloginAnswer(asked), 0));
    this.#state = 'login';
    if (asked.encryption === 2) return;
    this.#socket.off('data', this.#receive);
    const clear = startTls(this.#socket, this.#shared.secureContext);
    clear.on('error', (error) => this.#fail(error));
    clear.on('data', this.#receive);
    this.#clear = clear;
    this.#encrypted = true;
  }

  async #login(asked: Login7): Promise<void> {
    const { directory, ctx, log, verifyToken, serverName } = this.#shared;
    const who = asked.token === undefined ? asked.user : '<token>';
    const operation = `LOGIN ${who}`;
    const refuse = (error: SqlError): void => {
      ctx.traffic.record('tds', operation, error.number, asked.program);
      log(
        `Logon Error: ${error.number}, Severity: ${error.class}, State: ${error.state}. ${error.message} ${error.detail ?? ''}`,
      );
      const also = error.number === 4060 ? [token.message(loginFailed(who, ''), serverName)] : [];
      this.#send(token.message(error, serverName), ...also, token.done('batch', token.DONE_STATUS.error));
      this.#clear.end();
    };
    if (!this.#encrypted) {
      refuse(
        new SqlError(
          17835,
          'Encryption is required to connect to this server but the client library does not support it.',
          { class: 20 },
        ),
      );
      return;
    }
    const fault = ctx.faults.take('tds', operation);
    await this.before(fault);
    if (fault?.status !== undefined) {
      refuse(faultError(fault.status, asked.database, who));
      return;
    }
    try {
      const found = authenticate(directory, asked, verifyToken);
      if (this.#gone.signal.aborted) return;
      this.#session = directory.openSession({
        ...found,
        host: asked.host,
        program: asked.program,
        loginTime: ctx.clock.now(),
        end: () => this.end(),
      });
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      refuse(error);
      return;
    }
    this.#welcome(operation, asked, this.#session, fault);
  }

  #welcome(operation: string, asked: Login7, session: Session, fault: FaultAction | undefined): void {
    this.#shared.ctx.traffic.record('tds', operation, 'ok', asked.program);
    this.#shared.log(`Logon Login succeeded for user '${session.user}'. [CLIENT: ${this.#socket.remoteAddress ?? ''}]`);
    if (fault?.drop === 'after') throw new Dropped();
    this.#state = 'ready';
    this.#send(
      token.databaseChange(session.database.name, 'master'),
      token.collationChange(),
      token.loginAck(),
      token.packetSizeChange(4096),
      token.featureAck(asked.token !== undefined),
      token.done('batch', token.DONE_STATUS.final),
    );
  }

  /** What a fault asks for before anything is done. @throws Dropped */
  async before(fault: FaultAction | undefined, signal = this.#gone.signal): Promise<void> {
    if (fault?.delayMs !== undefined) await delay(fault.delayMs, undefined, { signal }).catch(() => undefined);
    if (fault?.drop === 'before' || this.#gone.signal.aborted) throw new Dropped();
  }

  async #request(read: () => Request, session: Session): Promise<void> {
    const running = new AbortController();
    this.#running = running;
    try {
      const answer = await runBatch({
        shared: this.#shared,
        session,
        read,
        before: (fault) => this.before(fault, running.signal),
        cancelled: running.signal,
        // What a driver sets up right after LOGIN7 belongs to its log-in, as the TLS handshake does.
        connecting: !this.#settled,
      });
      this.#settled = true;
      this.#send(running.signal.aborted ? token.done('batch', token.DONE_STATUS.attention) : answer);
    } finally {
      this.#running = undefined;
    }
  }

  #send(...tokens: Buffer[]): void {
    if (!this.#clear.writable) return;
    this.#clear.write(packets(PACKET.response, Buffer.concat(tokens), this.#session?.id ?? 0));
  }
}
