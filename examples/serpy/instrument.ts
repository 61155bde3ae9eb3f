// A simulated instrument, camera and photon counter in one: answers what it is asked, over v1 or v2.
// Run by main-job.ts in a process of its own: `instrument.ts v1|v2 [port]` prints the port it listens on.
import { type Connection, listen, type PortableConnection } from 'serpy';
import { film, photonCount } from './simulation.ts';

const protocol = process.argv[2] === 'v1' ? 'v1' : 'v2';
const server = await listen({ protocol, host: '127.0.0.1', port: Number(process.argv[3] ?? 0) });

// The workstation's process ends our standard input when it is done with us, or dies.
process.stdin.on('end', () => server.closeServer()).resume();

const frames = film();
console.log(server.address.port);
for await (const connection of server) {
  serve(connection).catch((error: Error) => console.error(`instrument: ${error.message}`));
}

/** Answers one workstation until it goes away. */
async function serve(connection: PortableConnection): Promise<void> {
  for await (const message of connection.messages()) {
    const [command, ...numbers] = message.text().split(' ');
    const [first = 0, count = 0] = numbers.map(Number);
    if (command === 'image') await connection.sendData(frames[first % frames.length] as Buffer);
    if (command === 'counts') await sendCounts(connection, first, count);
  }
}

/** Counts as numbers and as text; over v1, which has acknowledgements, half of them acknowledged. */
async function sendCounts(connection: PortableConnection, first: number, count: number): Promise<void> {
  for (let index = first; index < first + count; index++) {
    const value = index % 2 === 0 ? photonCount(index) : `count ${index}: ${photonCount(index)}`;
    if (protocol === 'v1' && index % 4 >= 2) await (connection as Connection<'v1'>).sendData(value, { mode: 1 });
    else await connection.sendData(value);
  }
}
