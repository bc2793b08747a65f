import type { TLSSocket } from 'node:tls';
import { RotationError } from '../../../rotation/errors.ts';
import type { DataPlane, Question } from '../row.ts';
import { showResource } from '../shapes.ts';
import { keysOff, rejectedKey, unanswered } from './ask.ts';

/** The port for TLS; the other one (6379) is closed unless somebody opens it, and nothing is sent in the clear. */
const TLS_PORT = 6380;
/** An error or status line of Redis is short; whatever is longer is something else. */
const LONGEST_ANSWER = 1024;

/** Logs in with `AUTH <key>` on a connection of its own, and hangs up. redis.io/docs/latest/commands/auth */
export const REDIS_PLANE: DataPlane = {
  suffix: 'redis.cache.windows.net',
  sendsKey: true,
  host: ({ name }, suffix) => (/:\d+$/.test(suffix) ? `${name}.${suffix}` : `${name}.${suffix}:${TLS_PORT}`),
  async prove(question) {
    const who = `the Redis cache ${question.config.name}`;
    const answer = await authenticate(who, question);
    if (answer === '+OK') return 'proved';
    const code = /^-([A-Z]+)/.exec(answer)?.[1] ?? 'something that is not Redis';
    // Before version 6 a wrong password is `-ERR invalid password`.
    const wrong = code === 'ERR' && /invalid password/i.test(answer);
    if (wrong || code === 'WRONGPASS' || code === 'NOAUTH') throw rejectedKey(who, code, question);
    // `disableAccessKeyAuthentication` [U]: Redis itself says this where no password is set.
    if (code === 'ERR' && /without any password configured/i.test(answer)) {
      const remedy = `Stop rotating this secret, or allow access keys: az redis update --name ${question.config.name} --resource-group '${question.config.resourceGroup}' --set disableAccessKeyAuthentication=false`;
      throw keysOff(who, remedy, question);
    }
    const message = `${who} (${question.host}) answered ${code}; see: ${showResource(question.config)}`;
    throw new RotationError({ code: 'UNAVAILABLE', recovery: 'retry', message });
  },
};

/** @returns the first line of the answer */
async function authenticate(who: string, { host, issued, call }: Question): Promise<string> {
  const { connect } = await import('node:tls');
  const [, name = '', port = ''] = /^(.*):(\d+)$/.exec(host) ?? [];
  const key = issued.value.reveal();
  const where = `${who} (${host})`;
  if (call.signal.aborted) throw unanswered(new Error('aborted'), where, host, true);
  const answered = Promise.withResolvers<string>();
  const socket: TLSSocket = connect({ host: name, port: Number(port), servername: name });
  const stop = (): void => answered.reject(new Error('aborted'));
  call.signal.addEventListener('abort', stop, { once: true });
  let text = '';
  socket.setEncoding('utf8');
  socket.on('secureConnect', () => {
    socket.write(`*2\r\n$4\r\nAUTH\r\n$${Buffer.byteLength(key)}\r\n${key}\r\n`);
  });
  socket.on('data', (piece: string) => {
    text += piece;
    const end = text.indexOf('\r\n');
    if (end !== -1) answered.resolve(text.slice(0, end));
    else if (text.length > LONGEST_ANSWER) answered.resolve('');
  });
  socket.on('error', (error) => answered.reject(error));
  socket.on('close', () => answered.reject(Object.assign(new Error('closed'), { code: 'ECONNRESET' })));
  try {
    return await answered.promise;
  } catch (error) {
    if (!(error instanceof Error) || error instanceof TypeError) throw error;
    throw unanswered(error, where, host, call.signal.aborted);
  } finally {
    call.signal.removeEventListener('abort', stop);
    socket.destroy();
  }
}
