/**
 * The TLS port of Redis caches, at `<name>.redis.sandbox.test`: `AUTH <key>` with one of the two keys, and nothing else.
 * It answers in RESP, as Redis 6 does: redis.io/docs/latest/develop/reference/protocol-spec
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import type { SandboxContext } from '../context.ts';
import { keysOf, nameOf } from '../data-plane.ts';
import type { DataPlane, DataPlaneOptions } from '../data-plane.ts';

const DOMAIN = 'redis.sandbox.test';
const WRONG = '-WRONGPASS invalid username-password pair or user is disabled.\r\n';

export async function startRedis(ctx: SandboxContext, options: DataPlaneOptions): Promise<DataPlane> {
  const identity = await ctx.pki.issue([`*.${DOMAIN}`]);
  const sockets = new Set<TLSSocket>();
  const server = createServer({ key: identity.keyPem, cert: identity.certPem }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    let text = '';
    socket.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
      const command = parse(text);
      if (command === undefined) return;
      text = '';
      void answer(socket, command);
    });
  });

  async function answer(socket: TLSSocket, [verb = '', ...given]: readonly string[]): Promise<void> {
    const name = nameOf(socket.servername || '');
    const operation = `${verb.toUpperCase()} ${name}`;
    const fault = ctx.faults.take('redis', operation);
    if (fault?.delayMs !== undefined) await sleep(fault.delayMs, undefined, { ref: false });
    const dropped = fault?.drop !== undefined;
    const reply = replyTo(name, verb, given);
    ctx.traffic.record('redis', operation, dropped ? 'dropped' : (/^.(\w+)/.exec(reply)?.[1] ?? ''));
    if (dropped) socket.destroy();
    else if (!socket.destroyed) socket.write(reply);
  }

  function replyTo(name: string, verb: string, given: readonly string[]): string {
    const [cache] = options.resources.named('Microsoft.Cache/redis', name);
    if (verb.toUpperCase() !== 'AUTH') return '-NOAUTH Authentication required.\r\n';
    if (given.length < 1 || given.length > 2) return "-ERR wrong number of arguments for 'auth' command\r\n";
    const user = given.length === 2 ? given[0] : 'default';
    return cache !== undefined && user === 'default' && keysOf(cache).includes(given.at(-1) ?? '') ? '+OK\r\n' : WRONG;
  }

  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    suffix: `${DOMAIN}:${port}`,
    async stop() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** An array of bulk strings; undefined while it is not whole. */
function parse(text: string): readonly string[] | undefined {
  const head = /^\*(\d+)\r\n/.exec(text);
  if (head === null) return text.endsWith('\r\n') ? text.trim().split(/\s+/) : undefined;
  const words: string[] = [];
  let at = head[0].length;
  for (let n = 0; n < Number(head[1]); n += 1) {
    const size = /^\$(\d+)\r\n/.exec(text.slice(at));
    if (size === null) return undefined;
    const from = at + size[0].length;
    const end = from + Number(size[1]);
    if (text.length < end + 2) return undefined;
    words.push(text.slice(from, end));
    at = end + 2;
  }
  return words;
}
