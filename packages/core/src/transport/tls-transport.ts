/** Transports over TLS: those of TCP, once the peer has proved to have the key, or a certificate. */
import { once } from 'node:events';
import { isIP, type OnReadOpts } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { AuthenticationError, isSerpyError, OptionError } from '../errors.js';
import type { Security } from '../security/security.js';
import type { Address } from './address.js';
import { connectSocket, type Destination } from './connect-socket.js';
import { SocketReader } from './read-buffer.js';
import { connectError } from './system-errors.js';
import { TcpTransport } from './tcp-transport.js';
import { isNetworkError, toAuthenticationError } from './tls-errors.js';
import type { DialOptions, Timers, Transport } from './transport.js';

/**
 * What a key needs of TLS at both ends. Older forms of TLS have no forward secrecy with a key alone, and Node's way to give one
 * knows no hash but SHA-256: with another cipher suite the handshake fails.
 */
export const keyTls = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  ciphers: 'TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256',
} as const;

/** Under which name a client offers the key, and what `identity` then says of the other end. */
export const keyIdentities = { client: 'serpy client', server: 'serpy server' } as const;

export class TlsTransport extends TcpTransport {
  readonly encrypted = true;
  readonly identity: string | undefined;
  readonly #peer: Address;
  readonly #kind: Security['kind'];
  #error: Error | undefined;

  constructor(
    socket: TLSSocket,
    reading: SocketReader | undefined,
    keepAliveMs: number,
    kind: Security['kind'],
    identity: string | undefined,
  ) {
    super(socket, reading, keepAliveMs);
    if (reading) reading.receiver = this; // bytes may come before the start: the handshake has the socket reading
    this.identity = identity;
    this.#kind = kind;
    this.#peer = this.remote; // a socket that has closed does not know it any more
    // An alert of the peer is told as an event and does not end the socket by itself.
    socket.on('error', (error) => {
      this.#error ??= error;
      socket.destroy();
    });
  }

  /** A server may look at a client's certificate when the client's handshake is over already. */
  protected override failure(): Error | undefined {
    const error = (super.failure() ?? this.#error) as (Error & { readonly code?: string }) | undefined;
    return error?.code?.startsWith('ERR_SSL_') ? toAuthenticationError(error, this.#peer, this.#kind) : error;
  }
}

/** The fingerprint of a peer's certificate, if it has one that holds. */
export function certificateIdentity(socket: TLSSocket): string | undefined {
  return socket.authorized ? socket.getPeerCertificate().fingerprint256 : undefined;
}

/** Dials a peer and sees that it is the right one. Rejects with a `ConnectError` or an `AuthenticationError`, or with the signal's reason. */
export async function tlsDial(options: DialOptions, security: Security, timers: Timers): Promise<Transport> {
  const { host, port, keepAliveMs, signal } = options;
  const { kind } = security;
  const address = { host, port };
  signal.throwIfAborted();
  const readings = new Map<TLSSocket, SocketReader>();
  const begin = (destination: Destination) => {
    const reading = new SocketReader(true);
    const socket = connectTls({ ...optionsFor(security, host), ...destination, onread: reading.options() });
    readings.set(socket, reading);
    return socket;
  };
  let socket: TLSSocket | undefined;
  try {
    socket = await connectSocket(address, signal, timers, begin);
    if (socket.errored) throw socket.errored; // it came before anybody could wait for it
    await once(socket, 'secureConnect', { signal });
  } catch (error) {
    socket?.destroy();
    if (signal.aborted) throw socket ? timeoutError(signal.reason, address) : signal.reason;
    if (error instanceof OptionError) throw error;
    const cause = error as Error;
    throw socket && !isNetworkError(cause) ? toAuthenticationError(cause, address, kind) : connectError(cause, address);
  }
  const identity = kind === 'key' ? keyIdentities.server : certificateIdentity(socket);
  const transport = new TlsTransport(socket, readings.get(socket), keepAliveMs, kind, identity);
  // What completes the handshake is still here. A socket that is destroyed now would never have been a connection to the server.
  await new Promise<void>((resolve) => socket.write('', () => resolve()));
  return transport;
}

function optionsFor(security: Security, host: string): ConnectionOptions {
  if (security.kind === 'certificates') return { ...(isIP(host) ? {} : { servername: host }), ...security.tls };
  return {
    ...keyTls,
    pskCallback: () => ({ psk: security.key.psk, identity: keyIdentities.client }),
    // A server that takes no notice of the key and shows a certificate has not proved anything, whoever has signed that.
    ca: [],
    checkServerIdentity: () => new Error('the server showed a certificate instead of the key'),
  };
}

function connectTls(options: ConnectionOptions & Destination & { onread: OnReadOpts }): TLSSocket {
  const halfOpen: ConnectionOptions & { allowHalfOpen: boolean } = { ...options, allowHalfOpen: true };
  try {
    return connect(halfOpen);
  } catch (cause) {
    throw tlsOptionError(cause as Error);
  }
}

/** What node:tls says of its options. */
export function tlsOptionError(cause: Error): OptionError {
  return new OptionError(`the option tls is not one that node:tls takes: ${cause.message}`, { cause });
}

/** Why a dial that reached the peer took too long: not the network's fault. Other reasons are as they are. */
function timeoutError(reason: unknown, { host, port }: Address): unknown {
  if (!isSerpyError(reason) || reason.code !== 'ERR_SERPY_CONNECT') return reason;
  const text = `cannot connect to ${host}:${port}: it was reached and has not answered in TLS: it may speak without, and have no key`;
  return new AuthenticationError(text, { cause: reason });
}
