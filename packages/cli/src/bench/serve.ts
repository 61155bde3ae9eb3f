/** `serpy bench --listen`: the other end of measurements, until Ctrl-C. */
import { type Connection, isSerpyError, type ListenOptions, listen } from 'serpy';
import type { Context } from '../environment/context.js';
import { addressOf, formatCount, formatNumber } from '../format.js';
import { respond, type Served } from './echo-server.js';

/** Serves until Ctrl-C, and reports the totals. @throws the errors of `listen` */
export async function serve(options: ListenOptions, { terminal, interruption }: Context): Promise<void> {
  const { signal } = interruption;
  const server = await listen(options);
  server.on('warning', (error) => terminal.note(error.message));
  server.on('drop', ({ remote, reason }) => terminal.note(`${addressOf(remote)} was rejected (${reason})`));
  terminal.note(`answering on ${addressOf(server.address)}; Ctrl-C stops it`);
  const total: Served = { messages: 0, bytes: 0 };
  const clients = new Set<Promise<void>>();
  const serveOne = async (connection: Connection) => {
    connection.on('warning', (error) => {
      if (error.code !== 'ERR_SERPY_LOST') terminal.note(error.message); // lost test data does not matter
    });
    const from = addressOf(connection.remote);
    const served = await respond(connection);
    connection.destroy();
    total.messages += served.messages;
    total.bytes += served.bytes;
    terminal.note(`${from} disconnected: ${servedText(served)}`);
  };
  try {
    for (;;) {
      const client = serveOne(await server.getConnection({ signal })).finally(() => clients.delete(client));
      clients.add(client);
    }
  } catch (error) {
    if (!signal.aborted || !isSerpyError(error)) throw error;
  } finally {
    await server.closeServer();
    await Promise.all(clients);
  }
  await terminal.print(`served ${servedText(total)}`);
}

function servedText({ messages, bytes }: Served): string {
  return `${formatCount(messages)}, ${formatNumber(bytes / 1e6)} MB`;
}
