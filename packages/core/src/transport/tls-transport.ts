/** Transports over TLS: transports over TCP whose peer has proved that it has the key, or a certificate. */
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
 * The TLS options of a key, for both ends. Older versions of TLS have no forward secrecy with only a pre-shared key. Node's `pskCallback`
 * supports no hash but SHA-256: with another cipher suite the handshake fails.
 */
export const keyTls = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  ciphers: 'TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256',
} as const;

/** The PSK identity that a client offers, and the value of `identity` for each role of the peer. */
export const keyIdentities = { client: 'serpy client', server: 'serpy server' } as const;

export class TlsTransport extends TcpTransport {
  override readonly encrypted = true;
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
    if (reading) reading.receiver = this; // bytes can arrive before `start`: the handshake made the socket read
    this.identity = identity;
    this.#kind = kind;
    this.#peer = this.remote; // a closed socket has no remote address
    // An alert of the peer emits an event and does not close the socket.
    socket.on('error', (error) => {
      this.#error ??= error;
      socket.destroy();
    });
  }

  /** A server can reject a client's certificate after the handshake of the client has finished. */
  protected override failure(): Error | undefined {
    const error = (super.failure() ?? this.#error) as (Error & { readonly code?: string }) | undefined;
    return error?.code?.startsWith('ERR_SSL_') ? toAuthenticationError(error, this.#peer, this.#kind) : error;
  }
}

/** The fingerprint of a peer's certificate; undefined without a valid one. */
export function certificateIdentity(socket: TLSSocket): string | undefined {
  return socket.authorized ? socket.getPeerCertificate().fingerprint256 : undefined;
}

/** Connects to a server and authenticates it. Rejects with a `ConnectError` or an `AuthenticationError`, or with the signal's reason. */
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
    if (socket.errored) throw socket.errored; // its event came before `once` could listen
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
  // The message that completes the handshake has not been sent yet. If the socket were destroyed now, the server would never see a connection.
  await new Promise<void>((resolve) => socket.write('', () => resolve()));
  return transport;
}

function optionsFor(security: Security, host: string): ConnectionOptions {
  if (security.kind === 'certificates') return { ...(isIP(host) ? {} : { servername: host }), ...security.tls };
  return {
    ...keyTls,
    pskCallback: () => ({ psk: security.key.psk, identity: keyIdentities.client }),
    // A server that ignores the key and sends a certificate has proved nothing, whatever the issuer of the certificate.
    ca: [],
    checkServerIdentity: () => new Error('the server sent a certificate instead of proving that it has the key'),
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

/** The error for options that node:tls rejects. */
export function tlsOptionError(cause: Error): OptionError {
  return new OptionError(`node:tls rejects the option tls: ${cause.message}`, { cause });
}

/** The error of an attempt that reached the server and then timed out: the network is not the cause. Other reasons stay as they are. */
function timeoutError(reason: unknown, { host, port }: Address): unknown {
  if (!isSerpyError(reason) || reason.code !== 'ERR_SERPY_CONNECT') return reason;
  const text =
    `cannot connect to ${host}:${port}: connected, but the server did not answer the TLS handshake. It may not use TLS: ` +
    'give the server the key (or a certificate) too, or remove key and tls at this end';
  return new AuthenticationError(text, { cause: reason });
}
