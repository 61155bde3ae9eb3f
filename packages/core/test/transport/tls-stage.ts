/** Helpers for tests of TLS: listeners and clients of serpy and of node:tls, and their events. */
import { type EventEmitter, once } from 'node:events';
import {
  type AddressInfo,
  createServer as createPlainServer,
  type Server as PlainServer,
  connect as plainConnect,
  type Socket,
} from 'node:net';
import { type ConnectionOptions, connect, createServer, type TlsOptions } from 'node:tls';
import { ManualClock } from 'serpy-core/testing';
import { type SecuritySettings, securityOf } from '../../src/security/security.js';
import { HandshakeLimiter, type HandshakeLimits } from '../../src/server/handshake-limiter.js';
import { systemEnvironment } from '../../src/system-environment.js';
import type { Address } from '../../src/transport/address.js';
import { tlsListen } from '../../src/transport/tls-listener.js';
import { tlsDial } from '../../src/transport/tls-transport.js';
import type { Transport } from '../../src/transport/transport.js';

const opened: { destroy(): void }[] = [];
const closing: { close(): unknown }[] = [];

/** Closes everything, for afterEach. */
export function clearAway(): void {
  for (const each of opened.splice(0)) each.destroy();
  for (const each of closing.splice(0)) each.close();
}

const local = { host: '127.0.0.1', port: 0, keepAliveMs: 0 };

function secured(settings: SecuritySettings) {
  const security = securityOf(settings);
  if (!security) throw new Error('these settings protect nothing');
  return security;
}

export interface Heard {
  /** The events of the transport, in order. */
  readonly events: string[];
  readonly errors: Error[];
  received(): string;
  receivedBytes(): number;
}

/** Starts a transport and records its events. It ends its stream after its peer. */
export function hear(transport: Transport): Heard {
  const events: string[] = [];
  const errors: Error[] = [];
  const chunks: Buffer[] = [];
  let receivedBytes = 0;
  transport.start({
    received: (chunk) => {
      receivedBytes += chunk.length;
      chunks.push(Buffer.from(chunk));
    },
    drained: () => events.push('drained'),
    ended: () => {
      events.push('ended');
      transport.end();
    },
    closed: (error) => {
      events.push('closed');
      if (error) errors.push(error);
    },
  });
  return {
    events,
    errors,
    received: () => Buffer.concat(chunks).toString('latin1'),
    receivedBytes: () => receivedBytes,
  };
}

/** A serpy listener, with a handshake limiter whose clock stands still. */
export async function listening(settings: SecuritySettings, limits: Partial<HandshakeLimits> = {}) {
  const clock = new ManualClock();
  const accepted: Transport[] = [];
  const refused: string[] = [];
  const turnedAway: string[] = [];
  const gateSettings = {
    authTimeoutMs: 5000,
    maxPendingConnections: 32,
    maxAuthFailuresPerMinute: 1000,
    maxConnectionsPerAddress: 16,
    ...limits,
  };
  const gate = new HandshakeLimiter(gateSettings, clock, {
    limited: (_, reason) => turnedAway.push(reason),
    knows: () => false,
    // Without the address, which differs in each run.
    failed: ({ message }) => refused.push(message.replace(/^127\.0\.0\.1:\d+ was rejected: /, '')),
  });
  const listener = await tlsListen(
    {
      ...local,
      gate,
      accept: (transport) => {
        accepted.push(transport);
        opened.push(transport);
      },
      failed: () => {},
    },
    secured(settings),
  );
  closing.push(listener);
  return { address: listener.address, listener, accepted, refused, turnedAway, gate, clock };
}

/** Connects with serpy. */
export async function connectTo(
  address: Address,
  settings: SecuritySettings,
  signal: AbortSignal = new AbortController().signal,
): Promise<Transport> {
  const transport = await tlsDial({ ...address, keepAliveMs: 0, signal }, secured(settings), systemEnvironment.clock);
  opened.push(transport);
  return transport;
}

/** The result of a socket of node:tls: `secure`, or the code of its error. A secure socket stays open. */
export async function strange(address: Address, options: ConnectionOptions) {
  const socket = connect({ ...address, checkServerIdentity: () => undefined, ...options });
  opened.push(socket);
  const sessions: Buffer[] = [];
  socket.on('session', (session) => sessions.push(session));
  const outcome = await ending(socket, 'secureConnect');
  return { socket, outcome, sessions };
}

async function ending(socket: EventEmitter, good: string): Promise<string> {
  socket.on('error', () => {});
  return Promise.race([
    once(socket, good).then(() => 'secure'),
    new Promise<string>((resolve) => {
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      socket.once('close', () => resolve('closed'));
    }),
  ]).catch((error: NodeJS.ErrnoException) => error.code ?? error.message);
}

/** A server of node:tls. */
export async function strangeServer(options: TlsOptions): Promise<Address> {
  const server = createServer(options, (socket) => {
    opened.push(socket);
    socket.on('error', () => {});
  });
  server.on('connection', (socket) => opened.push(socket));
  server.on('tlsClientError', () => {});
  return started(server);
}

/** A server without TLS. */
export async function plainServer(serve: (socket: Socket) => void): Promise<Address> {
  return started(
    createPlainServer((socket) => {
      opened.push(socket);
      socket.on('error', () => {});
      serve(socket);
    }),
  );
}

async function started(server: PlainServer): Promise<Address> {
  server.listen(0, '127.0.0.1');
  closing.push(server);
  await once(server, 'listening');
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

/** A client without TLS, and the bytes that it receives. */
export async function plainClient(address: Address, says?: string | Buffer) {
  const socket = plainConnect(address);
  opened.push(socket);
  const chunks: Buffer[] = [];
  let over = false;
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('error', () => {});
  socket.on('close', () => {
    over = true;
  });
  await once(socket, 'connect');
  if (says !== undefined) socket.write(says);
  return { socket, received: () => Buffer.concat(chunks), over: () => over };
}
