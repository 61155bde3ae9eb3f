/** `serpy bench --listen`: the other end of measurements, until it is interrupted. */
import { type Connection, isSerpyError, type ListenOptions, listen } from 'serpy';
import type { Context } from '../environment/context.js';
import { addressOf, formatCount, formatNumber } from '../format.js';
import { respond, type Served } from './echo-server.js';

/** Serves until Ctrl-C, and says what was served. @throws what `listen` throws */
export async function serve(options: ListenOptions, { terminal, interruption }: Context): Promise<void> {
  const { signal } = interruption;
  const server = await listen(options);
  server.on('warning', (error) => terminal.note(error.message));
  server.on('drop', ({ remote, reason }) => terminal.note(`${addressOf(remote)} was turned away (${reason})`));
  terminal.note(`answering on ${addressOf(server.address)}; Ctrl-C ends it`);
  const total: Served = { messages: 0, bytes: 0 };
  const guests = new Set<Promise<void>>();
  const serveOne = async (connection: Connection) => {
    connection.on('warning', (error) => {
      if (error.code !== 'ERR_SERPY_LOST') terminal.note(error.message); // what is sent to be measured is missed by nobody
    });
    const from = addressOf(connection.remote);
    const served = await respond(connection);
    connection.destroy();
    total.messages += served.messages;
    total.bytes += served.bytes;
    terminal.note(`${from} has gone: ${servedText(served)}`);
  };
  try {
    for (;;) {
      const guest = serveOne(await server.getConnection({ signal })).finally(() => guests.delete(guest));
      guests.add(guest);
    }
  } catch (error) {
    if (!signal.aborted || !isSerpyError(error)) throw error;
  } finally {
    await server.closeServer();
    await Promise.all(guests);
  }
  await terminal.print(`served ${servedText(total)}`);
}

function servedText({ messages, bytes }: Served): string {
  return `${formatCount(messages)}, ${formatNumber(bytes / 1e6)} MB`;
}
