import { connect, createServer, type Socket } from 'node:net';
import type { SandboxContext } from './context.ts';
import type { System } from './traffic.ts';

/**
 * The address that the sandbox gives out for a real database: it passes bytes on to the server, and is where a fault can be
 * put. Each connection asks for faults of the given system, operation `CONNECT`: `delayMs` holds it up, anything else
 * cuts it. What is inside is encrypted, so a statement cannot be hit from here.
 */
export async function startFront(
  ctx: SandboxContext,
  system: System,
  serverPort: number,
  port = 0,
): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const track = (socket: Socket): void => {
      open.add(socket);
      socket.setNoDelay(true);
      // An error of one side ends the other: 'close' follows every 'error'.
      socket.on('error', () => socket.destroy());
      socket.on('close', () => open.delete(socket));
    };
    track(client);
    const pass = (): void => {
      if (client.destroyed) return;
      const upstream = connect(serverPort, '127.0.0.1');
      track(upstream);
      client.on('close', () => upstream.destroy());
      upstream.on('close', () => client.destroy());
      client.pipe(upstream).pipe(client);
    };
    const fault = ctx.faults.take(system, 'CONNECT');
    if (fault === undefined) {
      pass();
      return;
    }
    ctx.traffic.record(system, 'CONNECT', 'fault');
    if (fault.delayMs === undefined) {
      client.destroy();
      return;
    }
    setTimeout(() => {
      if (fault.drop === undefined && fault.status === undefined) pass();
      else client.destroy();
    }, fault.delayMs);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error(`the front of ${system} has no port`);
  return {
    port: address.port,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
