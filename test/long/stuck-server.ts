/** The server of stuck-reader, in a separate thread: it echoes messages, and sends endlessly to a client that requests it. */
import { parentPort, workerData } from 'node:worker_threads';
import { listen, type ProtocolName } from 'serpy';

const flood = Buffer.alloc(64 * 1024, 'x').toString();

const server = await listen({ protocol: workerData as ProtocolName, port: 0 } as never);
(server as never as { on(event: 'connection', serve: (connection: Served) => void): void }).on('connection', serve);
parentPort?.postMessage((server as { address: { port: number } }).address.port);

interface Served extends AsyncIterable<unknown> {
  on(event: 'warning', listener: () => void): void;
  sendData(value: string): Promise<boolean>;
}

async function serve(connection: Served): Promise<void> {
  connection.on('warning', () => {});
  try {
    for await (const data of connection) {
      const text = String(data);
      while (text === 'flood') await connection.sendData(flood);
      await connection.sendData(text);
    }
  } catch {
    // the client has disconnected
  }
}
