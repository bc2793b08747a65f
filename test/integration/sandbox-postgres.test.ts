import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadWithoutListeners } from '../../sandbox/listeners.ts';
import { createRun, type Run } from '../../sandbox/run.ts';

let run: Run;
let taken: Server;

beforeAll(async () => {
  run = await createRun();
  taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
});

afterAll(() => {
  taken.close();
  run.dispose();
});

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

async function start(ports: readonly number[], log: string[] = []) {
  const { startServer } = await loadWithoutListeners(() => import('../../sandbox/postgres/server.ts'));
  const left = [...ports];
  const pick = (): Promise<number> => Promise.resolve(left.length > 1 ? (left.shift() ?? 0) : (left[0] ?? 0));
  return startServer(run.ctx, 'a-password', ['localhost'], (chunk) => void log.push(chunk), pick);
}

test('a port that was taken between picking and listening is left for another one', async () => {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const free = portOf(probe);
  probe.close();
  await once(probe, 'close');
  const log: string[] = [];
  const server = await start([portOf(taken), portOf(taken), free], log);
  expect(server.port).toBe(free);
  expect(log.join('')).toContain('could not bind');
  await server.stop();
});

test('a server that cannot start says which port it was and what the server said', async () => {
  await expect(start([portOf(taken)])).rejects.toThrow(
    new RegExp(`PostgreSQL did not start on port ${portOf(taken)}; it said:[^]*could not bind`),
  );
});
