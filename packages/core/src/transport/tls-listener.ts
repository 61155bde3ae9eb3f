/** Listens for peers over TLS: what happens between a peer's dial and the moment when he has proved who he is. */
import { constants } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type TLSSocket, type TlsOptions, type Server as TlsServer } from 'node:tls';
import type { Security } from '../security/security.js';
import type { Address } from './address.js';
import { describeStranger } from './foreign-protocol.js';
import type { Guest } from './handshake-guard.js';
import { lendTo, Reading } from './read-buffer.js';
import { listenForSockets } from './tcp-network.js';
import { refusal } from './tls-errors.js';
import { certificateIdentity, keyIdentities, keyTls, TlsTransport, tlsRefused } from './tls-transport.js';
import type { Listener, ListenOptions } from './transport.js';

/** The first byte of everything that a client of TLS says. */
const handshakeRecord = 0x16;

/** Says "unexpected message" in TLS to a peer who speaks without: serpy recognises it, and others at least see that it is not theirs. */
const alert = Buffer.from('1503030002020a', 'hex');

/** So much of a peer who speaks without TLS is read, and thrown away, until he has hung up or his time is over. */
const mostStrangeBytes = 64 * 1024;

/** Node's own limit for a handshake is set to the longest there is: ours is the gate's. */
const longestMs = 2 ** 31 - 1;

/** A peer in front of the door. */
interface Visitor {
  readonly socket: Socket;
  readonly remote: Address;
  guest: Guest | undefined;
  /** Whether he speaks TLS. */
  begun: boolean;
}

class Handshakes {
  readonly #options: ListenOptions;
  readonly #security: Security;
  readonly #server: TlsServer;
  readonly #visitors = new Set<Visitor>();
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
    const visitor: Visitor = { socket, remote, guest: undefined, begun: false };
    const { gate } = this.#options;
    visitor.guest = gate?.enter(remote, () => this.#cut(visitor));
    if (gate && !visitor.guest) {
      socket.destroy();
      return;
    }
    socket.allowHalfOpen = false; // a peer that has said goodbye will not prove anything any more
    this.#visitors.add(visitor);
    socket.once('close', () => this.#left(visitor));
    socket.once('end', () => socket.destroy());
    socket.on('readable', () => this.#firstBytes(visitor));
  }

  /** Hangs up on those who are still at it. */
  close(): void {
    for (const visitor of this.#visitors) this.#dismiss(visitor);
  }

  /** A peer who speaks without TLS is told so in his own words, not in OpenSSL's, and answered. */
  #firstBytes(visitor: Visitor): void {
    const { socket } = visitor;
    const start: Buffer | null = socket.read();
    if (start === null) return; // the end
    socket.removeAllListeners('readable');
    if (start[0] === handshakeRecord) {
      visitor.begun = true;
      visitor.guest?.begun();
      if (socket.destroyed) return;
      socket.unshift(start);
      this.#server.emit('connection', socket);
      return;
    }
    const who = describeStranger(start) ?? 'give it the key (or certificates), or leave key and tls out at this end';
    visitor.guest?.failed(`it speaks without TLS: ${who}`);
    socket.end(alert);
    // What is unread when a socket is closed makes the system take back what was written; so it is read, within reason.
    let readBytes = start.length;
    socket.on('data', (chunk) => {
      readBytes += chunk.length;
      if (readBytes > mostStrangeBytes) socket.destroy();
    });
    socket.resume();
  }

  #secured(socket: TLSSocket): void {
    const { kind } = this.#security;
    const visitor = this.#visitorOf(socket);
    const identity = kind === 'key' ? this.#identities.get(socket) : certificateIdentity(socket);
    if (kind === 'key' && identity === undefined) {
      visitor?.guest?.failed('it came back without showing the key');
      socket.destroy();
      return;
    }
    if (visitor) this.#visitors.delete(visitor);
    visitor?.guest?.passed();
    socket.allowHalfOpen = true;
    const reading = new Reading();
    const lent = lendTo(socket, reading) ? reading : undefined;
    this.#options.accept(new TlsTransport(socket, lent, this.#options.keepAliveMs, kind, identity));
  }

  #failed(error: Error, socket: TLSSocket): void {
    const visitor = this.#visitorOf(socket);
    const { code } = error as Error & { readonly code?: string };
    if (code === 'ECONNRESET') return; // it has hung up, which `#left` tells
    visitor?.guest?.failed(refusal(error, this.#security.kind), { cause: error });
  }

  #left(visitor: Visitor): void {
    const underWay = this.#visitors.delete(visitor);
    if (underWay && visitor.begun) {
      const why = 'it hung up in the middle of the TLS handshake';
      const asked = this.#security.kind === 'certificates' && this.#security.tls.requestCert;
      visitor.guest?.failed(asked ? `${why}, or its certificate does not hold` : why);
    }
    visitor.guest?.left();
  }

  /** His time is over, or his place is needed. */
  #cut(visitor: Visitor): void {
    const { socket, begun } = visitor;
    if (begun || socket.writableEnded) socket.destroy();
    else socket.end(alert, () => socket.destroy());
  }

  #dismiss(visitor: Visitor): void {
    this.#visitors.delete(visitor);
    visitor.socket.destroy();
  }

  #visitorOf({ remoteAddress, remotePort }: TLSSocket): Visitor | undefined {
    for (const visitor of this.#visitors) {
      if (visitor.remote.port === remotePort && visitor.remote.host === remoteAddress) return visitor;
    }
    return undefined;
  }

  #tlsOptions(): TlsOptions {
    const security = this.#security;
    // A ticket lets a client back in with what it once proved, also when its key or certificate has been revoked meanwhile.
    const common = { handshakeTimeout: longestMs, secureOptions: constants.SSL_OP_NO_TICKET };
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
  let handshakes: Handshakes;
  try {
    handshakes = new Handshakes(options, security);
  } catch (cause) {
    throw tlsRefused(cause as Error);
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
