// An echo server: sends every message back unchanged. Stop and restart it to see its client reconnect.
// Run it:         npm run example -- serpy-v2/ping-pong-server
// Run its client: npm run example -- serpy-v2/ping-pong --messages 0
import { type Connection, float, Server } from 'serpy-v2';
import { keyIn, readArguments, serverAccess } from '../arguments.ts';

const { host, port, keyFile, insecure } = readArguments('Sends every message of ping-pong.ts back unchanged.', {
  host: ['the address to listen on; 0.0.0.0 for all networks', '127.0.0.1'],
  port: ['the port to listen on; 0 for any free one', 5202],
  ...serverAccess,
});

const server = await new Server({ host, port, insecure, ...keyIn(keyFile) }).start();
process.once('SIGINT', () => server.closeServer());
console.log(`listening on ${server.address.host}:${server.address.port}`);

for await (const client of server) echo(client).catch((error: Error) => console.log(error.message));

async function echo(client: Connection): Promise<void> {
  client.on('warning', (error) => console.log(error.message)); // for example, the client was killed
  for await (const { type, value } of client.messages()) {
    // JavaScript has one number type. Without float(), a float without a fraction would be sent as an int.
    await client.sendData(type === 'float' ? float(value) : value);
  }
}
