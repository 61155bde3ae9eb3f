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
import { sentence } from '../failure.js';
import { addressOf } from '../format.js';

/** A message, and when and from whom it came. */
export interface Arrival {
  readonly message: PortableMessage;
  readonly connection: Connection;
  /** The peer's address, as `127.0.0.1:50123`. */
  readonly from: string;
  /** When it was taken: by the computer's clock, and since the command began, both in milliseconds. */
  readonly wallMs: number;
  readonly elapsedMs: number;
}

export interface Receiving {
  readonly options: ConnectOptions & ListenOptions;
  /** Dial, instead of being a server. */
  readonly dial: boolean;
  /** Ends it. The interruption does so anyway. */
  readonly stop: AbortSignal;
  /** Tells what happens to connections; nobody where it is left out. */
  readonly note?: ((line: string) => void) | undefined;
  /** The server listens: called before any peer is served. What it throws ends everything. */
  readonly listening?: (() => void) | undefined;
  /** A peer is there. */
  readonly joined?: ((connection: Connection) => void) | undefined;
  /** It has gone, and all that it sent was taken. */
  readonly left?: ((connection: Connection) => void) | undefined;
  /**
   * Called for each message of a peer, one after the other; while it works, the peer waits. The memory of bytes is used again
   * afterwards: they are not to be kept.
   */
  take(arrival: Arrival): Promise<void>;
}

/** Unless somebody says otherwise: peers that do not hear the end do not hold it up for long. */
export const receivingDefaults = { closeTimeoutMs: 1000 };

/** Gives all messages that come, until it is stopped or the peer that was dialled has gone. */
export async function receive(context: Context, receiving: Receiving): Promise<void> {
  const { options, dial, note, stop } = receiving;
  const signal = AbortSignal.any([context.interruption.signal, stop]);
  const failure = new AbortController(); // of `take`: it ends everything, and is told to who asked
  const ending = AbortSignal.any([signal, failure.signal]);
  const startedMs = context.clock.now();
  const serve = async (connection: Connection) => {
    const from = watch(connection, note);
    receiving.joined?.(connection);
    try {
      for await (const message of connection.messages()) {
        if (ending.aborted) break;
        const [wallMs, elapsedMs] = [context.clock.wallMs(), context.clock.now() - startedMs];
        await receiving.take({ message, connection, from, wallMs, elapsedMs });
        if (Buffer.isBuffer(message.value)) connection.release(message.value);
      }
      receiving.left?.(connection);
    } catch (error) {
      failure.abort(error);
    }
  };
  if (dial) await dialled(options, serve, signal, ending);
  else await served(receiving, serve, ending);
  if (failure.signal.aborted) throw failure.signal.reason;
}

async function served(
  { options, note, listening }: Receiving,
  serve: (connection: Connection) => Promise<void>,
  ending: AbortSignal,
): Promise<void> {
  const server = (await listen(options)) as Server & { readonly address: { host: string; port: number } };
  try {
    listening?.();
  } catch (error) {
    await server.closeServer();
    throw error;
  }
  server.on('warning', (error) => note?.(sentence(error)));
  server.on('drop', ({ remote, reason }) => note?.(`${addressOf(remote)} was turned away (${reason})`));
  note?.(`listening on ${addressOf(server.address)} (${protocolWords[server.protocol]}); Ctrl-C ends`);
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

async function dialled(
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

const protocolWords = { v1: 'v1', v2: 'v2', auto: 'v1 and v2' } as const;

/** Tells of what becomes of a connection. Returns its peer's address. */
function watch(connection: Connection, note: Receiving['note']): string {
  const from = addressOf(connection.remote);
  if (!note) return from;
  note(`${from} is there${connection.encrypted ? ', encrypted' : ''}`);
  connection.on('warning', (error) => note(`${from}: ${sentence(error)}`));
  onBreak(connection, (error) => note(`${from} is lost${error ? ` (${sentence(error)})` : ''}, and is waited for`));
  connection.on('reconnect', ({ downMs }) => note(`${from} is there again after ${(downMs / 1000).toFixed(1)} s`));
  const gone = () => {
    const { reason, error, peerReason } = connection.closeInfo ?? {};
    if (reason === 'local-close') return;
    const why = error ? `: ${sentence(error)}` : peerReason ? ` ("${peerReason}")` : '';
    note(`${from} has gone${why}`);
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
