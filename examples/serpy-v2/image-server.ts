// A camera: a client asks for an image by its number, and gets the bytes of 512 × 512 float32. See image-client.ts.
import { type Connection, Server } from 'serpy-v2';
import { keyIn, readArguments, serverAccess } from '../arguments.ts';
import { film } from '../serpy/simulation.ts';

const { host, port, keyFile, insecure } = readArguments('Sends the image that is asked for by its number.', {
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
  for await (const number of client) {
    const image = images[Number(number) % images.length];
    await client.sendData(image ?? `ask for an image by its number, not by ${number}`);
  }
}
