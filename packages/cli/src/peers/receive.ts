/** Receives messages: as a server from all clients, or as a client from one server. */
import {
  type Connection,
  type ConnectOptions,
  type ListenOptions,
  listen,
  type PortableMessage,
  type Server,
} from 'serpy';
import type { Context } from '../environment/context.js';
import { toSentence } from '../failure.js';
import { addressOf } from '../format.js';
import { connectFor } from './connect-for.js';
import { peerLabel } from './peer-label.js';

/** A message with its time and sender. */
export interface ArrivedMessage {
  readonly message: PortableMessage;
  readonly connection: Connection;
  /** The peer's address, as `127.0.0.1:50123`. */
  readonly from: string;
  /** When it was read: milliseconds since 1970 by the computer's clock, and since the start of the command. */
  readonly wallMs: number;
  readonly elapsedMs: number;
}

export interface ReceiveOptions {
  readonly options: ConnectOptions & ListenOptions;
  /** Connect, instead of listening. */
  readonly connect: boolean;
  /** Stops receiving, like the interruption. */
  readonly stop: AbortSignal;
  /** Called with a line for each event of a connection. */
  readonly log?: ((line: string) => void) | undefined;
  /** Called when the server listens, before it serves a client. An error that it throws stops everything. */
  readonly onListening?: (() => void) | undefined;
  /** Called for each connection. */
  readonly onPeer?: ((connection: Connection) => void) | undefined;
  /** Called when a connection is closed and all its messages were read. */
  readonly onPeerLeft?: ((connection: Connection) => void) | undefined;
  /**
   * Called for each message of a peer, one after the other; the peer waits until it resolves. It must not keep bytes, because their memory
   * is reused.
   */
  onMessage(arrival: ArrivedMessage): Promise<void>;
}

/** A peer that does not answer the close frame delays the end by at most this time. */
export const receivingDefaults = { closeTimeoutMs: 1000 };

/** Receives until it is stopped, or until the server disconnects. */
export async function receive(context: Context, receiving: ReceiveOptions): Promise<void> {
  const { options, connect: isClient, log, stop } = receiving;
  const signal = AbortSignal.any([context.interruption.signal, stop]);
  const failure = new AbortController(); // of `onMessage`: it stops everything, and the caller gets it
  const ending = AbortSignal.any([signal, failure.signal]);
  const startedMs = context.clock.now();
  const serve = async (connection: Connection) => {
    const from = watchConnection(connection, log);
    receiving.onPeer?.(connection);
    try {
      for await (const message of connection.messages()) {
        if (ending.aborted) break;
        const [wallMs, elapsedMs] = [context.clock.wallMs(), context.clock.now() - startedMs];
        await receiving.onMessage({ message, connection, from, wallMs, elapsedMs });
        if (Buffer.isBuffer(message.value)) connection.release(message.value);
      }
      receiving.onPeerLeft?.(connection);
    } catch (error) {
      failure.abort(error);
    }
  };
  if (isClient) await receiveAsClient(context, options, serve, signal, ending);
  else await receiveAsServer(receiving, serve, ending);
  if (failure.signal.aborted) throw failure.signal.reason;
}

async function receiveAsServer(
  { options, log, onListening }: ReceiveOptions,
  serve: (connection: Connection) => Promise<void>,
  ending: AbortSignal,
): Promise<void> {
  const server = (await listen(options)) as Server & { readonly address: { host: string; port: number } };
  try {
    onListening?.();
  } catch (error) {
    await server.closeServer();
    throw error;
  }
  server.on('warning', (error) => log?.(toSentence(error)));
  server.on('drop', ({ remote, reason }) => log?.(`${addressOf(remote)} was rejected (${reason})`));
  log?.(`listening on ${addressOf(server.address)} (${protocolNames[server.protocol]}); Ctrl-C stops it`);
  const serving = new Set<Promise<void>>();
  const accept = async () => {
    for await (const connection of server) {
      const served = serve(connection).finally(() => serving.delete(served));
      serving.add(served);
    }
  };
  const accepting = accept();
  await aborted(ending);
  await server.closeServer();
  await accepting;
  await Promise.all(serving);
}

async function receiveAsClient(
  context: Context,
  options: ConnectOptions,
  serve: (connection: Connection) => Promise<void>,
  signal: AbortSignal,
  ending: AbortSignal,
): Promise<void> {
  const connection = await connectFor(context, options, signal);
  const done = serve(connection);
  const close = () => void connection.close();
  if (ending.aborted) close();
  else ending.addEventListener('abort', close);
  await done;
  ending.removeEventListener('abort', close);
  const { closeInfo } = connection;
  if (!ending.aborted && closeInfo?.error) throw closeInfo.error;
  await connection.close();
}

const protocolNames = { v1: 'v1', v2: 'v2', auto: 'v1 and v2', lines: 'lines of text' } as const;

/** Logs the events of a connection. Returns the address of its peer. */
function watchConnection(connection: Connection, log: ReceiveOptions['log']): string {
  const address = addressOf(connection.remote);
  if (!log) return address;
  const from = peerLabel(connection);
  log(`${from} connected${connection.encrypted ? ', encrypted' : ''}`);
  connection.on('warning', (error) => log(`${from}: ${toSentence(error)}`));
  onBreak(connection, (error) =>
    log(`${from} lost the connection${error ? ` (${toSentence(error)})` : ''}; waiting for it`),
  );
  connection.on('reconnect', ({ downMs }) => log(`${from} reconnected after ${(downMs / 1000).toFixed(1)} s`));
  const onClose = () => {
    const { reason, error, peerReason } = connection.closeInfo ?? {};
    if (reason === 'local-close') return;
    const why = error ? `: ${toSentence(error)}` : peerReason ? ` ("${peerReason}")` : '';
    log(`${from} disconnected${why}`);
  };
  if (connection.closeInfo) onClose();
  else connection.on('close', onClose);
  return address;
}

/** Calls back for each break after which the connection may come back. */
export function onBreak(
  connection: Pick<Connection, 'on' | 'state'>,
  callback: (error: Error | undefined) => void,
): void {
  if (connection.state === 'reconnecting') callback(undefined);
  connection.on('disconnect', ({ error }) => {
    queueMicrotask(() => {
      if (connection.state === 'reconnecting') callback(error);
    });
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
