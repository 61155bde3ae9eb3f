// A server for v1 and v2 clients alike, on one port: greets each when it first speaks, and sends back what it says.
import { float, listen, type PortableConnection } from 'serpy';
import { keyIn, readArguments, serverAccess } from '../arguments.ts';

const { host, port, keyFile, insecure } = readArguments(
  'Greets v1 and v2 clients alike, and sends back what they say.',
  {
    host: ['the address to listen on; 0.0.0.0 for all networks', '127.0.0.1'],
    port: ['the port to listen on; 0 for any free one', 5303],
    ...serverAccess,
  },
);

const server = await listen({ protocol: 'auto', host, port, insecure, ...keyIn(keyFile), encoding: 'utf-8' });
process.once('SIGINT', () => server.closeServer());
console.log(`listening on ${server.address.host}:${server.address.port}`);

for await (const client of server) serve(client).catch((error: Error) => console.log(error.message));

async function serve(client: PortableConnection): Promise<void> {
  let greeted = false;
  for await (const message of client.messages()) {
    if (!greeted) await client.sendData(`welcome, you speak ${message.protocol}`);
    greeted = true;
    if (message.type === 'object') await client.sendData('objects cannot be sent back: send text, numbers or bytes');
    else await client.sendData(message.type === 'float' ? float(message.value) : message.value);
  }
}
