// A broadcast server over v2: passes each message to all other clients, until one of them sends /KTHXBYE.
import { type Connection, float, Server } from 'serpy-v2';
import { keyIn, readArguments, serverAccess } from '../arguments.ts';

const { host, port, keyFile, insecure } = readArguments(
  'Passes each message to all other clients, until one of them sends /KTHXBYE.',
  {
    host: ['the address to listen on; 0.0.0.0 for all networks', '127.0.0.1'],
    port: ['the port to listen on; 0 for any free one', 5201],
    ...serverAccess,
  },
);

// A client that does not read, or has gone without a word, misses the oldest messages and holds up nobody.
const server = await new Server({
  host,
  port,
  insecure,
  ...keyIn(keyFile),
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
  for await (const { type, value } of client.messages()) {
    if (value === '/KTHXBYE') {
      console.log(`${name} stops the server`);
      return server.closeServer();
    }
    for (const other of server) {
      if (other === client) continue;
      // Not awaited: a client that leaves just now refuses the message, which is nobody else's matter.
      other.sendData(type === 'float' ? float(value) : value).catch((error: Error) => console.log(error.message));
    }
  }
  console.log(`${name} has left`);
}
