// A server for v1 and v2 clients on one port: welcomes each after its first message, and sends its messages back.
// Run it:        npm run example -- serpy/auto-server
// Run a client:  npm run example -- serpy-v2/chat --port 5303
import { float, listen, type PortableConnection } from 'serpy';
import { keyIn, readArguments, serverAccess } from '../arguments.ts';

const { host, port, keyFile, insecure } = readArguments('Welcomes v1 and v2 clients, and sends their messages back.', {
  host: ['the address to listen on; 0.0.0.0 for all networks', '127.0.0.1'],
  port: ['the port to listen on; 0 for any free one', 5303],
  ...serverAccess,
});

const server = await listen({ protocol: 'auto', host, port, insecure, ...keyIn(keyFile), encoding: 'utf-8' });
process.once('SIGINT', () => server.closeServer());
console.log(`listening on ${server.address.host}:${server.address.port}`);

for await (const client of server) serve(client).catch((error: Error) => console.log(error.message));

async function serve(client: PortableConnection): Promise<void> {
  client.on('warning', (error) => console.log(error.message)); // for example, the client was killed
  let welcomed = false;
  for await (const message of client.messages()) {
    if (!welcomed) await client.sendData(`welcome, you speak ${message.protocol}`);
    welcomed = true;
    if (message.type === 'object') await client.sendData('objects cannot be sent back: send text, numbers or bytes');
    else await client.sendData(message.type === 'float' ? float(message.value) : message.value);
  }
}
