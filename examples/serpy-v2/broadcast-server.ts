// A broadcast server over v2: passes each message to all other clients, until one of them sends /KTHXBYE.
// Run it:         npm run example -- serpy-v2/broadcast-server
// Run its client: npm run example -- serpy-v2/chat --name Anna
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

// A client that does not read, or whose cable is pulled, has at most 100 messages waiting. It misses the oldest and does not delay the others.
const server = await new Server({
  host,
  port,
  insecure,
  ...keyIn(keyFile),
  sendQueue: { maxMessages: 100 },
}).start();
process.once('SIGINT', () => server.closeServer());
console.log(`listening on ${server.address.host}:${server.address.port}`);

for await (const client of server) serve(client).catch((error: Error) => console.log(error.message));
console.log('the server is closed');

/** Passes on the messages of one client until it disconnects. */
async function serve(client: Connection): Promise<void> {
  const name = `${client.remote?.host}:${client.remote?.port}`;
  console.log(`${name} connected`);
  client.on('warning', (error) => console.log(`${name}: ${error.message}`));
  for await (const { type, value } of client.messages()) {
    if (value === '/KTHXBYE') {
      console.log(`${name} stops the server`);
      return server.closeServer();
    }
    // Not awaited: it never waits for a client.
    const message = type === 'float' ? float(value) : value;
    server.broadcast(message, { except: client }).catch((error: Error) => console.log(error.message));
  }
  console.log(`${name} disconnected`);
}
