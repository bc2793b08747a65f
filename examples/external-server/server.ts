/**
 * The example as an HTTPS server:
 *
 *     export SIGNING_KEY="whsec_$(openssl rand -base64 32)" TLS_CERT=cert.pem TLS_KEY=key.pem PORT=8443
 *     node examples/external-server/server.ts
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { createAnswer } from './answer.ts';
import { createMemorySystem } from './system.ts';

const { SIGNING_KEY: key = '', TLS_CERT: cert = '', TLS_KEY: tlsKey = '', PORT: port = '8443' } = process.env;
if (key.length < 24 || cert === '' || tlsKey === '') {
  console.error('Set SIGNING_KEY (at least 24 bytes), TLS_CERT and TLS_KEY; see the head of this file.');
  process.exit(1);
}

const system = createMemorySystem();
const answer = createAnswer(system, { key });

/** Of a request: Keyturn sends a few hundred. */
const MOST_BYTES = 64 * 1024;

createServer({ cert: readFileSync(cert), key: readFileSync(tlsKey) }, (message, response) => {
  const chunks: Buffer[] = [];
  let size = 0;
  message.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > MOST_BYTES) message.destroy();
    else chunks.push(chunk);
  });
  message.on('end', () => {
    const { status, headers, body } = answer({
      headers: message.headers,
      body: Buffer.concat(chunks).toString('utf8'),
    });
    response.writeHead(status, headers).end(body);
  });
}).listen(Number(port), () => {
  const { credentialId } = system.make();
  console.log(`listening on port ${port}; the first credential is ${credentialId}`);
});
