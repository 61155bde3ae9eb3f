// A part of main-job.ts: a simulated instrument with a camera and a photon counter, over v1 or v2.
// main-job.ts runs it in a separate process: `instrument.ts v1|v2 [port]` prints the port that it listens on.
import { type Connection, listen, type PortableConnection } from 'serpy';
import { film, photonCount } from './simulation.ts';

const protocol = process.argv[2] === 'v1' ? 'v1' : 'v2';
const server = await listen({ protocol, host: '127.0.0.1', port: Number(process.argv[3] ?? 0) });

// The standard input ends when the process of the workstation has finished, or was killed.
process.stdin.on('end', () => server.closeServer()).resume();

const frames = film();
console.log(server.address.port);
for await (const connection of server) {
  serve(connection).catch((error: Error) => console.error(`instrument: ${error.message}`));
}

/** Answers one workstation until it disconnects. */
async function serve(connection: PortableConnection): Promise<void> {
  connection.on('warning', (error) => console.error(`instrument: ${error.message}`));
  for await (const message of connection.messages()) {
    const [command, ...numbers] = message.text().split(' ');
    const [first = 0, count = 0] = numbers.map(Number);
    if (command === 'image') await connection.sendData(frames[first % frames.length] as Buffer);
    if (command === 'counts') await sendCounts(connection, first, count);
  }
}

/** Sends counts as numbers and as text. Over v1, half of them are acknowledged. */
async function sendCounts(connection: PortableConnection, first: number, count: number): Promise<void> {
  for (let index = first; index < first + count; index++) {
    const value = index % 2 === 0 ? photonCount(index) : `count ${index}: ${photonCount(index)}`;
    if (protocol === 'v1' && index % 4 >= 2) await (connection as Connection<'v1'>).sendData(value, { mode: 1 });
    else await connection.sendData(value);
  }
}
