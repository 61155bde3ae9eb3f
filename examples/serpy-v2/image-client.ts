// Requests images by number from image-server.ts, and compares each bit for bit with its own simulation.
// Run the server first: npm run example -- serpy-v2/image-server
// Run it:               npm run example -- serpy-v2/image-client
import { performance } from 'node:perf_hooks';
import { Connection } from 'serpy-v2';
import { clientAccess, keyIn, readArguments } from '../arguments.ts';
import { film, side } from '../serpy/simulation.ts';

const options = readArguments(
  'Requests images from image-server.ts, and compares them bit for bit with a simulation.',
  {
    host: ['the address of the server', '127.0.0.1'],
    port: ['its port', 5203],
    images: ['the number of images', 24],
    ...clientAccess,
  },
);

const expected = film();
const connection = await new Connection(keyIn(options.keyFile)).connect(options.host, options.port);

let bytes = 0;
let totalMs = 0;
let wrong = 0;
for (let number = 0; number < options.images; number++) {
  const start = performance.now();
  await connection.sendData(number);
  const data = await connection.getData({ timeoutMs: 10_000 });
  const tookMs = performance.now() - start;
  totalMs += tookMs;

  if (!Buffer.isBuffer(data) || !data.equals(expected[number % expected.length] as Buffer)) {
    wrong++;
    console.log(`image ${number} differs from the simulation`);
    continue;
  }
  // A large message has its own memory, so the array of pixels needs no copy.
  const pixels = new Float32Array(data.buffer, data.byteOffset, data.length / 4);
  const center = pixels[(side / 2) * side + side / 2] as number;
  bytes += data.length;
  console.log(`image ${number}: ${data.length} bytes in ${tookMs.toFixed(1)} ms, ${center.toFixed(3)} in the center`);
}
await connection.close();

console.log(`${options.images} images, ${wrong} wrong, ${Math.round(bytes / totalMs / 1000)} MB/s`);
process.exitCode = wrong > 0 ? 1 : 0;
