// One program for either protocol: portable.v1.json or portable.v2.json says which, and nothing here does.
// A client asks for photon counts and an image, and prints a summary of what came.
import { fileURLToPath } from 'node:url';
import { connect, listen, loadConfig, type PortableConnection } from 'serpy';
import { readArguments } from '../arguments.ts';
import { film, photonCount } from './simulation.ts';

const options = readArguments('Asks for counts and an image over the protocol that the configuration says.', {
  config: ['the configuration', fileURLToPath(new URL('portable.v2.json', import.meta.url))],
  listen: ['be the server', false],
  both: ['be server and client', false],
});
const config = loadConfig(options.config);

if (options.listen) {
  await serve();
} else if (options.both) {
  const server = await serve();
  await ask(server.address.port);
  await server.closeServer();
} else {
  await ask();
}

async function serve() {
  const server = await listen(config);
  process.once('SIGINT', () => server.closeServer());
  console.log(`listening on ${server.address.host}:${server.address.port}`);
  void accept();
  return server;

  async function accept(): Promise<void> {
    for await (const client of server) answer(client).catch((error: Error) => console.log(error.message));
  }
}

/** Answers `counts N` with a title and N numbers, and `image N` with bytes. */
async function answer(client: PortableConnection): Promise<void> {
  const images = film();
  for await (const message of client.messages()) {
    const [command, argument] = message.text().split(' ');
    const number = Number(argument);
    if (command === 'image') await client.sendData(images[number % images.length] as Buffer);
    if (command !== 'counts') continue;
    await client.sendData(`photons in 10 ms, ${number} times`);
    for (let index = 0; index < number; index++) await client.sendData(photonCount(index));
  }
}

async function ask(port = config.port): Promise<void> {
  const connection: PortableConnection = await connect({ ...config, port });

  await connection.sendData('counts 100');
  const title = (await connection.getMessage()).text();
  let photons = 0;
  for (let index = 0; index < 100; index++) photons += Number((await connection.getMessage()).number());
  console.log(`${title}: ${photons} in all`);

  await connection.sendData('image 3');
  const image = (await connection.getMessage()).bytes();
  const pixels = new Float32Array(image.buffer, image.byteOffset, image.length / 4);
  const mean = pixels.reduce((sum, pixel) => sum + pixel, 0) / pixels.length;
  console.log(`image 3: ${image.length} bytes, ${mean.toFixed(6)} on average`);

  await connection.close();
}
