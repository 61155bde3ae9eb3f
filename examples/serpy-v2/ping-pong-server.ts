// Sends every message back as it came: the other end of ping-pong.ts. May be stopped and started again meanwhile.
import { type Connection, float, Server } from 'serpy-v2';
import { keyIn, readArguments, serverAccess } from '../arguments.ts';

const { host, port, keyFile, insecure } = readArguments('Sends every message back as it came, to ping-pong.ts.', {
  host: ['the address to listen on; 0.0.0.0 for all networks', '127.0.0.1'],
  port: ['the port to listen on; 0 for any free one', 5202],
  ...serverAccess,
});

const server = await new Server({ host, port, insecure, ...keyIn(keyFile) }).start();
process.once('SIGINT', () => server.closeServer());
console.log(`listening on ${server.address.host}:${server.address.port}`);

for await (const client of server) echo(client).catch((error: Error) => console.log(error.message));

async function echo(client: Connection): Promise<void> {
  for await (const { type, value } of client.messages()) {
    // A number without a fraction would go back as an int, so a float has to say what it is.
    await client.sendData(type === 'float' ? float(value) : value);
  }
}
