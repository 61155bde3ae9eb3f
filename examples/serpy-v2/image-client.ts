// Asks image-server.ts for images by their number, and compares each bit for bit with its own simulation.
import { performance } from 'node:perf_hooks';
import { Connection } from 'serpy-v2';
import { clientAccess, keyIn, readArguments } from '../arguments.ts';
import { film, side } from '../serpy/simulation.ts';

const options = readArguments('Asks image-server.ts for images, and compares them bit for bit with a simulation.', {
  host: ['where the server is', '127.0.0.1'],
  port: ['its port', 5203],
  images: ['how many images', 24],
  ...clientAccess,
});

const expected = film();
const connection = await new Connection(keyIn(options.keyFile)).connect(options.host, options.port);

let bytes = 0;
let milliseconds = 0;
let wrong = 0;
for (let number = 0; number < options.images; number++) {
  const start = performance.now();
  await connection.sendData(number);
  const data = await connection.getData({ timeoutMs: 10_000 });
  const took = performance.now() - start;
  milliseconds += took;

  if (!Buffer.isBuffer(data) || !data.equals(expected[number % expected.length] as Buffer)) {
    wrong++;
    console.log(`image ${number} differs from the simulation`);
    continue;
  }
  // A large message has its memory to itself: the pixels can be laid over it without a copy.
  const pixels = new Float32Array(data.buffer, data.byteOffset, data.length / 4);
  const centre = pixels[(side / 2) * side + side / 2] as number;
  bytes += data.length;
  console.log(`image ${number}: ${data.length} bytes in ${took.toFixed(1)} ms, ${centre.toFixed(3)} in the centre`);
}
await connection.close();

console.log(`${options.images} images, ${wrong} wrong, ${Math.round(bytes / milliseconds / 1000)} MB/s`);
process.exitCode = wrong > 0 ? 1 : 0;
