// A camera that sends images with their type and shape, complete or in part, over either protocol, and its client.
// Run both:        npm run example -- serpy/array-camera --both
// In two programs: npm run example -- serpy/array-camera --listen
//                  npm run example -- serpy/array-camera
import { rename, writeFile } from 'node:fs/promises';
import { connect, encodeNpy, listen, type NdArray, type PortableConnection } from 'serpy';
import { readArguments } from '../arguments.ts';
import { film, side } from './simulation.ts';

const options = readArguments('Requests images from a camera, which sends them with their type and shape.', {
  protocol: ['v1, v2 or auto', 'v2'],
  port: ['the port of the camera, on this computer; 0 for any free one with --both', 5304],
  images: ['the number of images', 8],
  saveTo: ['a file for the last image, for numpy.load', 'none'],
  listen: ['run the camera', false],
  both: ['run the camera and the client', false],
});
const protocol = options.protocol as 'auto';
const images = film(); // computed first, because it takes a while

if (options.listen) {
  await serve();
} else if (options.both) {
  const server = await serve();
  await requestImages(server.address.port);
  await server.closeServer();
} else {
  await requestImages(options.port);
}

async function serve() {
  const server = await listen({ protocol, port: options.port });
  process.once('SIGINT', () => server.closeServer());
  console.log(`listening on ${server.address.host}:${server.address.port}`);
  void accept();
  return server;

  async function accept(): Promise<void> {
    for await (const client of server) answer(client).catch((error: Error) => console.log(error.message));
  }
}

/** Answers `image N` until the client disconnects. */
async function answer(client: PortableConnection): Promise<void> {
  client.on('warning', (error) => console.log(error.message)); // for example, the client was killed
  for await (const message of client.messages()) {
    const number = Number(message.text().split(' ')[1]);
    await client.sendData(Number.isSafeInteger(number) ? picture(number) : 'request an image with "image N"');
  }
}

/** The image with a number: in turn complete, a region in 16-bit counts, and complete with fewer bits. */
function picture(number: number): NdArray {
  const image = images[number % images.length] as Buffer;
  const pixels = new Float32Array(image.buffer, image.byteOffset, side * side);
  if (number % 3 === 0) return { data: pixels, shape: [side, side], dtype: 'float32' };
  if (number % 3 === 2) return { data: pixels, shape: [side, side], dtype: 'float16' };
  const [height, width] = [128, 256];
  const counts = new Uint16Array(height * width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) counts[y * width + x] = 1000 * (pixels[(y + 192) * side + x + 128] as number);
  }
  return { data: counts, shape: [height, width], dtype: 'uint16' };
}

async function requestImages(port: number): Promise<void> {
  const connection: PortableConnection = await connect({ protocol, port });
  let wrong = 0;
  let last: NdArray | undefined;
  for (let number = 0; number < options.images; number++) {
    await connection.sendData(`image ${number}`);
    const image = await connection.getArray({ timeoutMs: 10_000 });
    const same = encodeNpy(picture(number)).equals(encodeNpy(image));
    if (!same) wrong++;
    const mean = Array.from(image.data, Number).reduce((sum, pixel) => sum + pixel, 0) / image.data.length;
    console.log(`image ${number}: ${image.dtype} [${image.shape.join(', ')}], ${mean.toFixed(3)} on average`);
    last = image;
  }
  if (last && options.saveTo !== 'none') {
    // Renamed when it is complete, so that no program reads a part of the file.
    await writeFile(`${options.saveTo}.part`, encodeNpy(last));
    await rename(`${options.saveTo}.part`, options.saveTo);
  }
  await connection.close();
  console.log(`${options.images} images, ${wrong} wrong`);
  process.exitCode = wrong > 0 ? 1 : 0;
}
