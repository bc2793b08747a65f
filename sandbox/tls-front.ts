/**
 * Where the simulated services serve their certificates: real TLS, by SNI, with whatever certificate a service holds at this moment.
 *
 *     const front = await startTlsFront(ctx, { serves: (host) => arm.serves(host) });
 *     front.port;                                        // the same on every address
 *     const mend = front.put('www.shop.twin.sandbox.test', '127.0.0.2', stale);   // one address serves something else
 *
 * It listens on 127.0.0.1 to 127.0.0.3, which the sandbox's names lead to (dns.ts). Whose name nobody has, and who refuses, is ended with
 * an alert, as by a gateway whose listener is disabled. Faults of system `tls`, operation `HELLO <name>`: `delayMs` hangs for that long,
 * anything else cuts the connection. It speaks no protocol inside TLS.
 */
import { createServer as createTlsServer, createSecureContext, type SecureContext, type Server } from 'node:tls';
import type { AddressInfo, Socket } from 'node:net';
import type { Serves } from './arm/service.ts';
import type { SandboxContext } from './context.ts';

/** The keys and chains of one name. */
type Certificates = Exclude<Serves, 'refuses'>;

export interface TlsFrontOptions {
  readonly serves: (host: string) => Serves | undefined;
  readonly port?: number;
}

export interface TlsFront {
  readonly port: number;
  /** What this address serves under the name, whatever its service holds, until the returned function is called. */
  put(host: string, address: string, certificates: Certificates): () => void;
  stop(): Promise<void>;
}

export const ADDRESSES = ['127.0.0.1', '127.0.0.2', '127.0.0.3'] as const;

export async function startTlsFront(ctx: SandboxContext, options: TlsFrontOptions): Promise<TlsFront> {
  const own = new Map<string, Certificates>();
  const sockets = new Set<Socket>();
  const servers: Server[] = [];
  const served = (host: string, address: string): Serves | undefined =>
    own.get(`${host} ${address}`.toLowerCase()) ?? (address === ADDRESSES[2] ? undefined : options.serves(host));

  const serve = (address: string): Server => {
    const server = createTlsServer({
      SNICallback: (host, done) => {
        const answer = (): void => {
          const found = served(host, address);
          const refused = found === undefined || found === 'refuses';
          ctx.traffic.record('tls', `HELLO ${host}`, refused ? 'refused' : 'ok');
          // Without a context of its own the server has no certificate, and says so with an alert.
          done(null, refused ? undefined : contextOf(found));
        };
        const fault = ctx.faults.take('tls', `HELLO ${host}`);
        if (fault?.delayMs !== undefined) setTimeout(answer, fault.delayMs).unref();
        else if (fault !== undefined) done(new Error('cut'));
        else answer();
      },
    });
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => socket.destroy());
    });
    server.on('secureConnection', (socket) => socket.on('error', () => socket.destroy()).resume());
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    servers.push(server);
    return server;
  };

  let port = options.port ?? 0;
  for (const address of ADDRESSES) port = (await listen(serve(address), address, port)) ?? port;
  return {
    port,
    put(host, address, certificates) {
      const key = `${host} ${address}`.toLowerCase();
      own.set(key, certificates);
      return () => void own.delete(key);
    },
    async stop() {
      const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
      for (const socket of sockets) socket.destroy();
      await Promise.all(closed);
    },
  };
}

/** @returns undefined where the machine has no such address: macOS has the first one only, and hosts that need others are refused */
async function listen(server: Server, address: string, port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRNOTAVAIL' && address !== ADDRESSES[0]) resolve(undefined);
      else reject(error);
    });
    server.listen(port, address, () => resolve((server.address() as AddressInfo).port));
  });
}

function contextOf(certificates: Certificates): SecureContext {
  return createSecureContext({
    cert: certificates.map(({ certPem }) => certPem),
    key: certificates.map(({ keyPem }) => keyPem),
  });
}
