// A broadcast server over v1: passes each message to all other clients, until one of them sends /KTHXBYE.
import { type Connection, Server } from 'serpy-v1';
import { keyIn, readArguments, serverAccess } from '../arguments.ts';

const { host, port, keyFile, insecure } = readArguments(
  'Passes each message to all other clients, until one of them sends /KTHXBYE.',
  {
    host: ['the address to listen on; 0.0.0.0 for all networks', '127.0.0.1'],
    port: ['the port to listen on; 0 for any free one', 5101],
    ...serverAccess,
  },
);

// A client that does not read, or has gone without a word, misses the oldest messages and holds up nobody.
const server = await new Server({
  host,
  port,
  insecure,
  ...keyIn(keyFile),
  encoding: 'utf-8',
  sendQueue: { maxMessages: 100, whenFull: 'drop-oldest' },
}).start();
process.once('SIGINT', () => server.closeServer());
console.log(`listening on ${server.address.host}:${server.address.port}`);

for await (const client of server) void serve(client);
console.log('the server is closed');

/** Passes on what one client says until it leaves. */
async function serve(client: Connection): Promise<void> {
  const name = `${client.remote?.host}:${client.remote?.port}`;
  console.log(`${name} has come`);
  client.on('warning', (error) => console.log(`${name}: ${error.message}`));
  for await (const { type, value, mode } of client.messages()) {
    if (type === 'object') continue; // a pickle may hold what only Python can read
    if (value === '/KTHXBYE') {
      console.log(`${name} stops the server`);
      return server.closeServer();
    }
    for (const other of server) {
      if (other === client) continue;
      // Not awaited: a client that leaves just now refuses the message, which is nobody else's matter.
      // Not acknowledged: what a client has not acknowledged is never dropped, so one that does not answer would fill the memory.
      other.sendData(value, { mode: mode < 2 ? 0 : 2 }).catch((error: Error) => console.log(error.message));
    }
  }
  console.log(`${name} has left`);
}
