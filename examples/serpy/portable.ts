// One program for both protocols: the configuration portable.v1.json or portable.v2.json selects one, and this file does not.
// The client requests photon counts and an image, and prints a summary.
// Run both:        npm run example -- serpy/portable --both
// In two programs: npm run example -- serpy/portable --listen
//                  npm run example -- serpy/portable
// Over v1, add:    --config examples/serpy/portable.v1.json
import { fileURLToPath } from 'node:url';
import { connect, listen, loadConfig, type PortableConnection } from 'serpy';
import { readArguments } from '../arguments.ts';
import { film, photonCount } from './simulation.ts';

const options = readArguments('Requests counts and an image over the protocol of the configuration.', {
  config: ['the configuration file', fileURLToPath(new URL('portable.v2.json', import.meta.url))],
  listen: ['run the server', false],
  both: ['run the server and the client', false],
});
const config = loadConfig(options.config);
/** A server that hangs does not stop the client forever. */
const wait = { timeoutMs: 10_000 };

if (options.listen) {
  await serve();
} else if (options.both) {
  const server = await serve();
  await requestAll(server.address.port);
  await server.closeServer();
} else {
  await requestAll();
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

/** Answers `counts N` with a title and N numbers, and `image N` with bytes, until the client disconnects. */
async function answer(client: PortableConnection): Promise<void> {
  client.on('warning', (error) => console.log(error.message)); // for example, the client was killed
  const images = film();
  for await (const message of client.messages()) {
    const [command, argument] = message.text().split(' ');
    const number = Number(argument);
    if (command === 'image') await client.sendData(images[number % images.length] ?? 'request an image with "image N"');
    if (command !== 'counts') continue;
    await client.sendData(`photons in 10 ms, ${number} times`);
    for (let index = 0; index < number; index++) await client.sendData(photonCount(index));
  }
}

async function requestAll(port = config.port): Promise<void> {
  const connection: PortableConnection = await connect({ ...config, port });

  await connection.sendData('counts 100');
  const title = (await connection.getMessage(wait)).text();
  let photons = 0;
  for (let index = 0; index < 100; index++) photons += Number((await connection.getMessage(wait)).number());
  console.log(`${title}: ${photons} in total`);

  await connection.sendData('image 3');
  const image = (await connection.getMessage(wait)).bytes();
  const pixels = new Float32Array(image.buffer, image.byteOffset, image.length / 4);
  const mean = pixels.reduce((sum, pixel) => sum + pixel, 0) / pixels.length;
  console.log(`image 3: ${image.length} bytes, ${mean.toFixed(6)} on average`);

  await connection.close();
}
