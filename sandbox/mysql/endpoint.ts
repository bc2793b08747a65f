/**
 * A small endpoint that speaks MySQL's protocol, for what MariaDB cannot show: a server without TLS, a certificate for another
 * name, a log-in in clear text as Azure asks for, and the answers of MySQL 8. It asks every client for `mysql_clear_password`
 * or its own plugin, and answers each statement as it was told. It is no database.
 * https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html
 */
import { createServer, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { Identity } from '../pki.ts';
import { answerPacket, authSwitch, greeting, OK, Packets, type Answer } from './packets.ts';

export interface EndpointOptions {
  /** Absent: the server offers no TLS. */
  readonly tls?: Identity;
  readonly version?: string;
  /** The log-in that it asks for. */
  readonly plugin?: 'mysql_clear_password';
  /** What to answer to a statement. */
  readonly answer?: (sql: string) => Answer;
}

export interface Endpoint {
  readonly port: number;
  /** The statements that came, in their order. */
  readonly statements: readonly string[];
  /** What came in clear text as a password, after the server asked for it. */
  readonly passwords: readonly string[];
  /** How many clients got as far as sending their user, encrypted or not. */
  readonly logIns: number;
  stop(): Promise<void>;
}

export async function startEndpoint(options: EndpointOptions): Promise<Endpoint> {
  const statements: string[] = [];
  const passwords: string[] = [];
  const open = new Set<Socket>();
  const seen = { logIns: 0 };
  const server = createServer((socket) => {
    open.add(socket);
    socket.setNoDelay(true);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
    serve(socket, options, { statements, passwords, onLogIn: () => void (seen.logIns += 1) });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the endpoint has no port');
  return {
    port: address.port,
    statements,
    passwords,
    get logIns() {
      return seen.logIns;
    },
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

interface Heard {
  readonly statements: string[];
  readonly passwords: string[];
  readonly onLogIn: () => void;
}

/** A request for TLS is this long: the head of a log-in without the user. */
const TLS_REQUEST_BYTES = 32;

function serve(raw: Socket, options: EndpointOptions, heard: Heard): void {
  let stream: Socket = raw;
  let state: 'greeted' | 'password' | 'in' = 'greeted';
  const packets = new Packets();
  const send = (sequence: number, ...payloads: readonly Buffer[]): void => {
    for (const [n, payload] of payloads.entries()) stream.write(Packets.framed(sequence + n, payload));
  };
  const packet = (payload: Buffer, sequence: number): void => {
    if (state === 'greeted' && payload.length === TLS_REQUEST_BYTES && options.tls !== undefined) {
      stream = secured(raw, packets.rest(), options.tls);
      stream.on('data', take);
      stream.on('error', () => raw.destroy());
    } else if (state === 'greeted') {
      heard.onLogIn();
      state = options.plugin === undefined ? 'in' : 'password';
      send(sequence + 1, options.plugin === undefined ? OK : authSwitch(options.plugin));
    } else if (state === 'password') {
      heard.passwords.push(payload.subarray(0, -1).toString('utf8'));
      state = 'in';
      send(sequence + 1, OK);
    } else if (payload[0] === 1) {
      raw.end();
    } else {
      const sql = payload.subarray(1).toString('utf8');
      heard.statements.push(sql);
      send(1, ...answerPacket(options.answer?.(sql) ?? {}));
    }
  };
  const take = (chunk: Buffer): void => {
    for (const [payload, sequence] of packets.take(chunk)) packet(payload, sequence);
  };
  raw.on('data', take);
  send(0, greeting(options.version ?? '8.4.3', options.tls !== undefined));
}

/** What the client has sent after its request for TLS is the beginning of the handshake. */
function secured(raw: Socket, rest: Buffer, { certPem, keyPem }: Identity): TLSSocket {
  raw.removeAllListeners('data');
  raw.pause();
  if (rest.length > 0) raw.unshift(rest);
  return new TLSSocket(raw, { isServer: true, secureContext: createSecureContext({ cert: certPem, key: keyPem }) });
}
