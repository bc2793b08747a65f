import { Duplex } from 'node:stream';
import tls from 'node:tls';
import type { Socket } from 'node:net';
import { MessageReader, PACKET, packets } from './packets.ts';

/**
 * TLS as TDS 7.x speaks it (MS-TDS 3.2.5.1): the handshake travels inside PRELOGIN packets, one answer for each message
 * of the client, and everything after it is TLS straight on the socket. The switch is the client's first TLS
 * record that has no packet around it, because the client cannot send one before it has the server's Finished.
 */
class HandshakeTunnel extends Duplex {
  readonly #socket: Socket;
  readonly #reader = new MessageReader();
  #raw = false;
  #held: Buffer[] = [];

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('end', () => this.push(null));
    socket.on('close', () => this.destroy());
  }

  #receive(chunk: Buffer): void {
    if (!this.#raw && chunk[0] !== PACKET.prelogin) this.#raw = true;
    if (this.#raw) {
      this.push(chunk);
      return;
    }
    try {
      for (const message of this.#reader.push(chunk)) this.push(message.data);
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  override _read(): void {
    // Bytes are pushed as they come.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#raw) {
      this.#socket.write(chunk, done);
      return;
    }
    // One flight of the handshake is written in pieces; the client wants it in one message.
    if (this.#held.length === 0) setImmediate(() => this.#flush());
    this.#held.push(chunk);
    done();
  }

  #flush(): void {
    const flight = Buffer.concat(this.#held);
    this.#held = [];
    if (this.#socket.writable) this.#socket.write(packets(PACKET.prelogin, flight, 0));
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}

/** The clear text side of a connection whose client was told to encrypt. */
export function startTls(socket: Socket, context: tls.SecureContext): tls.TLSSocket {
  return new tls.TLSSocket(new HandshakeTunnel(socket), { isServer: true, secureContext: context });
}
