/** Listens for peers over TLS: what happens between a peer's dial and the moment when he has proved who he is. */
import { constants } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type TLSSocket, type TlsOptions, type Server as TlsServer } from 'node:tls';
import type { Security } from '../security/security.js';
import type { Address } from './address.js';
import { describeForeignProtocol } from './foreign-protocol.js';
import type { PendingHandshake } from './handshake-guard.js';
import { SocketReader, useSharedBuffer } from './read-buffer.js';
import { listenForSockets } from './tcp-network.js';
import { refusalReason } from './tls-errors.js';
import { certificateIdentity, keyIdentities, keyTls, TlsTransport, tlsOptionError } from './tls-transport.js';
import type { Listener, ListenOptions } from './transport.js';

/** The first byte of everything that a client of TLS says. */
const handshakeRecord = 0x16;

/** Says "unexpected message" in TLS to a peer who speaks without: serpy recognises it, and others at least see that it is not theirs. */
const alert = Buffer.from('1503030002020a', 'hex');

/** So much of a peer who speaks without TLS is read, and thrown away, until he has hung up or his time is over. */
const maxDiscardedBytes = 64 * 1024;

/** Node's own limit for a handshake is set to the longest there is: ours is the gate's. */
const maxTimerMs = 2 ** 31 - 1;

/** A peer in front of the door. */
interface PendingSocket {
  readonly socket: Socket;
  readonly remote: Address;
  guest: PendingHandshake | undefined;
  /** Whether he speaks TLS. */
  speaksTls: boolean;
}

class TlsHandshakes {
  readonly #options: ListenOptions;
  readonly #security: Security;
  readonly #server: TlsServer;
  readonly #pending = new Set<PendingSocket>();
  /** What was asked for with the right key. A socket that is not here came in without being asked, for example with a session ticket. */
  readonly #identities = new WeakMap<TLSSocket, string>();

  constructor(options: ListenOptions, security: Security) {
    this.#options = options;
    this.#security = security;
    this.#server = createServer(this.#tlsOptions());
    this.#server.on('secureConnection', (socket) => this.#secured(socket));
    this.#server.on('tlsClientError', (error, socket) => this.#failed(error, socket));
  }

  arrived(socket: Socket): void {
    socket.on('error', () => {});
    const remote = { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
    const pending: PendingSocket = { socket, remote, guest: undefined, speaksTls: false };
    const { gate } = this.#options;
    pending.guest = gate?.enter(remote, () => this.#timedOut(pending));
    if (gate && !pending.guest) {
      socket.destroy();
      return;
    }
    socket.allowHalfOpen = false; // a peer that has said goodbye will not prove anything any more
    this.#pending.add(pending);
    socket.once('close', () => this.#closed(pending));
    socket.once('end', () => socket.destroy());
    socket.on('readable', () => this.#firstBytes(pending));
  }

  /** Hangs up on those who are still at it. */
  close(): void {
    for (const pending of this.#pending) this.#refuse(pending);
  }

  /** A peer who speaks without TLS is told so in his own words, not in OpenSSL's, and answered. */
  #firstBytes(pending: PendingSocket): void {
    const { socket } = pending;
    const start: Buffer | null = socket.read();
    if (start === null) return; // the end
    socket.removeAllListeners('readable');
    if (start[0] === handshakeRecord) {
      pending.speaksTls = true;
      pending.guest?.started();
      if (socket.destroyed) return;
      socket.unshift(start);
      this.#server.emit('connection', socket);
      return;
    }
    const who =
      describeForeignProtocol(start) ?? 'give it the key (or certificates), or leave key and tls out at this end';
    pending.guest?.failed(`it speaks without TLS: ${who}`);
    socket.end(alert);
    // What is unread when a socket is closed makes the system take back what was written; so it is read, within reason.
    let readBytes = start.length;
    socket.on('data', (chunk) => {
      readBytes += chunk.length;
      if (readBytes > maxDiscardedBytes) socket.destroy();
    });
    socket.resume();
  }

  #secured(socket: TLSSocket): void {
    const { kind } = this.#security;
    const pending = this.#pendingOf(socket);
    const identity = kind === 'key' ? this.#identities.get(socket) : certificateIdentity(socket);
    if (kind === 'key' && identity === undefined) {
      pending?.guest?.failed('it came back without showing the key');
      socket.destroy();
      return;
    }
    if (pending) this.#pending.delete(pending);
    pending?.guest?.succeeded();
    socket.allowHalfOpen = true;
    const reading = new SocketReader(true);
    const lent = useSharedBuffer(socket, reading) ? reading : undefined;
    this.#options.accept(new TlsTransport(socket, lent, this.#options.keepAliveMs, kind, identity));
  }

  #failed(error: Error, socket: TLSSocket): void {
    const pending = this.#pendingOf(socket);
    const { code } = error as Error & { readonly code?: string };
    if (code === 'ECONNRESET') return; // it has hung up, which `#left` tells
    pending?.guest?.failed(refusalReason(error, this.#security.kind), { cause: error });
  }

  #closed(pending: PendingSocket): void {
    const underWay = this.#pending.delete(pending);
    if (underWay && pending.speaksTls) {
      const why = 'it hung up in the middle of the TLS handshake';
      const asked = this.#security.kind === 'certificates' && this.#security.tls.requestCert;
      pending.guest?.failed(asked ? `${why}, or its certificate does not hold` : why);
    }
    pending.guest?.closed();
  }

  /** His time is over, or his place is needed. */
  #timedOut(pending: PendingSocket): void {
    const { socket, speaksTls } = pending;
    if (speaksTls || socket.writableEnded) socket.destroy();
    else socket.end(alert, () => socket.destroy());
  }

  #refuse(pending: PendingSocket): void {
    this.#pending.delete(pending);
    pending.socket.destroy();
  }

  #pendingOf({ remoteAddress, remotePort }: TLSSocket): PendingSocket | undefined {
    for (const pending of this.#pending) {
      if (pending.remote.port === remotePort && pending.remote.host === remoteAddress) return pending;
    }
    return undefined;
  }

  #tlsOptions(): TlsOptions {
    const security = this.#security;
    // A ticket lets a client back in with what it once proved, also when its key or certificate has been revoked meanwhile.
    const common = { handshakeTimeout: maxTimerMs, secureOptions: constants.SSL_OP_NO_TICKET };
    if (security.kind === 'certificates') {
      const secureOptions = (security.tls.secureOptions ?? 0) | common.secureOptions;
      return { ...security.tls, ...common, secureOptions };
    }
    const pskCallback = (socket: TLSSocket, identity: string) => {
      if (identity !== keyIdentities.client) return null;
      this.#identities.set(socket, identity);
      return security.key.psk;
    };
    return { ...common, ...keyTls, pskCallback };
  }
}

/** Listens for peers who have the key, or for those who trust our certificate. Rejects with a `ListenError`. */
export async function tlsListen(options: ListenOptions, security: Security): Promise<Listener> {
  let handshakes: TlsHandshakes;
  try {
    handshakes = new TlsHandshakes(options, security);
  } catch (cause) {
    throw tlsOptionError(cause as Error);
  }
  const listener = await listenForSockets(options, (socket) => handshakes.arrived(socket));
  return {
    address: listener.address,
    close: () => {
      listener.close();
      handshakes.close();
    },
  };
}
