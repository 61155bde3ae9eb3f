// A camera: a client requests an image by its number, and receives the bytes of 512 × 512 float32.
// Run it:         npm run example -- serpy-v2/image-server
// Run its client: npm run example -- serpy-v2/image-client
import { type Connection, Server } from 'serpy-v2';
import { keyIn, readArguments, serverAccess } from '../arguments.ts';
import { film } from '../serpy/simulation.ts';

const { host, port, keyFile, insecure } = readArguments('Sends images, which clients request by number.', {
  host: ['the address to listen on; 0.0.0.0 for all networks', '127.0.0.1'],
  port: ['the port to listen on; 0 for any free one', 5203],
  ...serverAccess,
});

const images = film();
const server = await new Server({ host, port, insecure, ...keyIn(keyFile) }).start();
process.once('SIGINT', () => server.closeServer());
console.log(`listening on ${server.address.host}:${server.address.port}`);

for await (const client of server) serve(client).catch((error: Error) => console.log(error.message));

async function serve(client: Connection): Promise<void> {
  client.on('warning', (error) => console.log(error.message)); // for example, the client was killed
  for await (const number of client) {
    const image = images[Number(number) % images.length];
    await client.sendData(image ?? `request an image by its number, not by ${number}`);
  }
}
