// A part of main-job.ts: a simulated instrument with a camera and a photon counter, which answers requests over v1 or v2.
// main-job.ts runs it in a separate process: `instrument.ts v1|v2 [port]` prints the port that it listens on.
import { listen } from 'serpy';
import { film, photonCount } from './simulation.ts';

const protocol = process.argv[2] === 'v1' ? 'v1' : 'v2';
const frames = film();
const server = await listen({ protocol, port: Number(process.argv[3] ?? 0) });
server.onRequest((_question, { message }) => {
  const [command, number] = message.text().split(' ');
  const index = Number(number);
  if (command === 'image') return frames[index % frames.length];
  if (command === 'count') return index % 2 === 0 ? photonCount(index) : `count ${index}: ${photonCount(index)}`;
  throw new Error(`unknown request: ${message.text()}`);
});
server.on('connection', (workstation) => {
  workstation.on('warning', (error) => console.error(`instrument: ${error.message}`));
});
console.log(server.address.port);

// The standard input ends when the process of the workstation has finished, or was killed.
process.stdin.on('end', () => server.closeServer()).resume();
