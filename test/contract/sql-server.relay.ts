import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A server under test. */
export interface Real {
  readonly host: string;
  readonly address: string;
  readonly port: number;
  readonly database: string;
}

export interface Relay {
  readonly port: number;
  readonly real: { readonly host: string; readonly port: number };
  /** Where connections go now; undefined cuts them. */
  to: { readonly host: string; readonly port: number } | undefined;
  stop(): Promise<void>;
}

/** Passes bytes on; the host's own name resolves to it in this process, so that the certificate still fits. */
export async function startRelay(real: Real): Promise<Relay> {
  const relay = { real: { host: real.address, port: real.port }, to: undefined as Relay['to'], port: 0 };
  relay.to = relay.real;
  const sockets = new Set<Socket>();
  const server: Server = createServer((client) => {
    if (relay.to === undefined) {
      client.destroy();
      return;
    }
    const upstream = connect(relay.to.port, relay.to.host);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  relay.port = (server.address() as AddressInfo).port;
  const restore = resolveToHere(real.host);
  return Object.assign(relay, {
    async stop() {
      restore();
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  });
}

function resolveToHere(host: string): () => void {
  const before = dns.lookup;
  const lookup = (name: string, options: { all?: boolean }, done: (...answer: unknown[]) => void): void => {
    if (name !== host) Reflect.apply(before, dns, [name, options, done]);
    else if (options.all === true) process.nextTick(done, null, [{ address: '127.0.0.1', family: 4 }]);
    else process.nextTick(done, null, '127.0.0.1', 4);
  };
  dns.lookup = lookup as unknown as typeof dns.lookup;
  syncBuiltinESMExports();
  return () => {
    dns.lookup = before;
    syncBuiltinESMExports();
  };
}
