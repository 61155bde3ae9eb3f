/** An echo server with a key, in a separate thread. */
import { parentPort, workerData } from 'node:worker_threads';
import { listen } from 'serpy';

const server = await listen({ protocol: 'v2', port: 0, key: workerData as string });
server.on('warning', () => {});
server.on('connection', (connection) => void echo(connection));
parentPort?.postMessage(server.address.port);

async function echo(connection: typeof server extends Iterable<infer C> ? C : never): Promise<void> {
  connection.on('warning', () => {});
  try {
    for await (const data of connection) await connection.sendData(data as string);
  } catch {
    // the client has disconnected
  }
}
