/** The peers of a command: those that dial its server, or the one that it dials. */
import {
  type Connection,
  type ConnectOptions,
  connect,
  type ListenOptions,
  listen,
  type PortableMessage,
  type Server,
} from 'serpy';
import type { Context } from '../environment/context.js';
import { toSentence } from '../failure.js';
import { addressOf } from '../format.js';

/** A message, and when and from whom it came. */
export interface ArrivedMessage {
  readonly message: PortableMessage;
  readonly connection: Connection;
  /** The peer's address, as `127.0.0.1:50123`. */
  readonly from: string;
  /** When it was taken: by the computer's clock, and since the command began, both in milliseconds. */
  readonly wallMs: number;
  readonly elapsedMs: number;
}

export interface ReceiveOptions {
  readonly options: ConnectOptions & ListenOptions;
  /** Dial, instead of being a server. */
  readonly connect: boolean;
  /** Ends it. The interruption does so anyway. */
  readonly stop: AbortSignal;
  /** Tells what happens to connections; nobody where it is left out. */
  readonly log?: ((line: string) => void) | undefined;
  /** The server listens: called before any peer is served. What it throws ends everything. */
  readonly onListening?: (() => void) | undefined;
  /** A peer is there. */
  readonly onPeer?: ((connection: Connection) => void) | undefined;
  /** It has gone, and all that it sent was taken. */
  readonly onPeerLeft?: ((connection: Connection) => void) | undefined;
  /**
   * Called for each message of a peer, one after the other; while it works, the peer waits. The memory of bytes is used again
   * afterwards: they are not to be kept.
   */
  onMessage(arrival: ArrivedMessage): Promise<void>;
}

/** Unless somebody says otherwise: peers that do not hear the end do not hold it up for long. */
export const receivingDefaults = { closeTimeoutMs: 1000 };

/** Gives all messages that come, until it is stopped or the peer that was dialled has gone. */
export async function receive(context: Context, receiving: ReceiveOptions): Promise<void> {
  const { options, connect: isClient, log, stop } = receiving;
  const signal = AbortSignal.any([context.interruption.signal, stop]);
  const failure = new AbortController(); // of `take`: it ends everything, and is told to who asked
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
  if (isClient) await receiveAsClient(options, serve, signal, ending);
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
  server.on('drop', ({ remote, reason }) => log?.(`${addressOf(remote)} was turned away (${reason})`));
  log?.(`listening on ${addressOf(server.address)} (${protocolNames[server.protocol]}); Ctrl-C ends`);
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
  options: ConnectOptions,
  serve: (connection: Connection) => Promise<void>,
  signal: AbortSignal,
  ending: AbortSignal,
): Promise<void> {
  const connection = await connect(options, { signal });
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

const protocolNames = { v1: 'v1', v2: 'v2', auto: 'v1 and v2' } as const;

/** Tells of what becomes of a connection. Returns its peer's address. */
function watchConnection(connection: Connection, log: ReceiveOptions['log']): string {
  const from = addressOf(connection.remote);
  if (!log) return from;
  log(`${from} is there${connection.encrypted ? ', encrypted' : ''}`);
  connection.on('warning', (error) => log(`${from}: ${toSentence(error)}`));
  onBreak(connection, (error) => log(`${from} is lost${error ? ` (${toSentence(error)})` : ''}, and is waited for`));
  connection.on('reconnect', ({ downMs }) => log(`${from} is there again after ${(downMs / 1000).toFixed(1)} s`));
  const gone = () => {
    const { reason, error, peerReason } = connection.closeInfo ?? {};
    if (reason === 'local-close') return;
    const why = error ? `: ${toSentence(error)}` : peerReason ? ` ("${peerReason}")` : '';
    log(`${from} has gone${why}`);
  };
  if (connection.closeInfo) gone();
  else connection.on('close', gone);
  return from;
}

/** Tells of each link that breaks where another may follow. */
export function onBreak(connection: Pick<Connection, 'on' | 'state'>, tell: (error: Error | undefined) => void): void {
  if (connection.state === 'reconnecting') tell(undefined);
  connection.on('disconnect', ({ error }) => {
    queueMicrotask(() => {
      if (connection.state === 'reconnecting') tell(error);
    });
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
