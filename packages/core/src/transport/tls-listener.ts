/** Listens for clients over TLS. Handles each socket from its connection until its client has authenticated. */
import { constants } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type TLSSocket, type TlsOptions, type Server as TlsServer } from 'node:tls';
import type { Security } from '../security/security.js';
import type { Address } from './address.js';
import type { PendingHandshake } from './handshake-guard.js';
import { SocketReader, useSharedBuffer } from './read-buffer.js';
import { listenForSockets } from './tcp-network.js';
import { isPlaintextClient, refusalReason } from './tls-errors.js';
import { certificateIdentity, keyIdentities, keyTls, TlsTransport, tlsOptionError } from './tls-transport.js';
import type { Listener, ListenOptions } from './transport.js';

/** The header of a TLS record: whether a client with fewer bytes uses TLS is unknown. */
const recordHeaderBytes = 5;

/** The TLS alert "unexpected message", for clients without TLS. serpy detects it, and other programs see bytes that are not of their protocol. */
const alert = Buffer.from('1503030002020a', 'hex');

/** Disables Node's own handshake timeout: the `HandshakeLimiter` has the timer. */
const maxTimerMs = 2 ** 31 - 1;

/** A socket whose TLS handshake has not finished. */
interface PendingSocket {
  readonly socket: Socket;
  readonly remote: Address;
  handshake: PendingHandshake | undefined;
  /** Whether the guard knows that the client has sent something. */
  started: boolean;
}

/** TLS reads the bytes of the socket. */
function hasSent({ socket }: PendingSocket, bytes: number): boolean {
  return socket.bytesRead >= bytes;
}

class TlsHandshakes {
  readonly #options: ListenOptions;
  readonly #security: Security;
  readonly #server: TlsServer;
  readonly #pending = new Set<PendingSocket>();
  /** The identity of each socket that offered the key. A socket that is missing here did not authenticate, for example because it resumed a TLS session. */
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
    const pending: PendingSocket = { socket, remote, handshake: undefined, started: false };
    const { gate } = this.#options;
    this.#findStarted();
    pending.handshake = gate?.enter(remote, () => this.#timedOut(pending));
    if (gate && !pending.handshake) {
      socket.destroy();
      return;
    }
    socket.allowHalfOpen = false; // a client that has ended its stream cannot authenticate any more
    this.#pending.add(pending);
    socket.once('close', () => this.#closed(pending));
    if (pending.handshake?.failsOften) this.#afterFirstBytes(socket);
    else this.#server.emit('connection', socket);
  }

  /** Costs less for a client that connects and closes, and more for one that stays: its TLS reads in small parts (decision 0065). */
  #afterFirstBytes(socket: Socket): void {
    socket.once('end', () => socket.destroy());
    socket.once('readable', () => {
      const start: Buffer | null = socket.read();
      if (start === null) return; // the end
      socket.unshift(start);
      this.#server.emit('connection', socket);
    });
  }

  /** Disconnects the clients that are still authenticating. */
  close(): void {
    for (const pending of this.#pending) this.#refuse(pending);
  }

  /** Looked up when another client connects, since TLS reads the first bytes. */
  #findStarted(): void {
    for (const pending of this.#pending) {
      if (pending.started || !hasSent(pending, 1)) continue;
      pending.started = true;
      pending.handshake?.started();
    }
  }

  #secured(socket: TLSSocket): void {
    const { kind } = this.#security;
    const pending = this.#pendingOf(socket);
    const identity = kind === 'key' ? this.#identities.get(socket) : certificateIdentity(socket);
    if (kind === 'key' && identity === undefined) {
      pending?.handshake?.failed(
        'the client tried to resume an earlier TLS session instead of authenticating with the key: connect again with the key',
      );
      socket.destroy();
      return;
    }
    if (pending) this.#authenticated(pending);
    socket.allowHalfOpen = true;
    const reading = new SocketReader(true);
    const lent = useSharedBuffer(socket, reading) ? reading : undefined;
    this.#options.accept(new TlsTransport(socket, lent, this.#options.keepAliveMs, kind, identity));
  }

  /** Drops the handshake too: the listeners of the socket keep the rest, and a finished handshake took 1,000 bytes of each connection. */
  #authenticated(pending: PendingSocket): void {
    this.#pending.delete(pending);
    pending.handshake?.succeeded();
    pending.handshake = undefined;
  }

  #failed(error: Error, socket: TLSSocket): void {
    const pending = this.#pendingOf(socket);
    const { code } = error as Error & { readonly code?: string };
    if (code === 'ECONNRESET') return; // the client has disconnected, which `#closed` reports
    pending?.handshake?.failed(refusalReason(error, this.#security.kind), { cause: error });
    if (isPlaintextClient(error)) pending?.socket.end(alert); // before Node closes the socket
  }

  #closed(pending: PendingSocket): void {
    const wasPending = this.#pending.delete(pending);
    if (wasPending && hasSent(pending, 1)) {
      const requiresCertificate = this.#security.kind === 'certificates' && this.#security.tls.requestCert;
      const also = requiresCertificate ? ', or its certificate is not valid' : '';
      pending.handshake?.failed(`the client closed the connection during the TLS handshake${also}`);
    }
    pending.handshake?.closed();
  }

  /** The handshake timed out, or its place is needed for another client. */
  #timedOut(pending: PendingSocket): void {
    const { socket } = pending;
    if (hasSent(pending, recordHeaderBytes) || socket.writableEnded) socket.destroy();
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
    // With a ticket a client could return without authenticating, even after its key or certificate was revoked.
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

/** Listens for clients that have the key, or that trust the certificate of this server. Rejects with a `ListenError`. */
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
