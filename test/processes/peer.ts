/**
 * A serpy program for tests with processes. Its arguments (JSON) and the messages that it receives control it: it answers `large N` with
 * N bytes, `block N` blocks its event loop for N ms, and it echoes everything else. A server prints its port. A client can send a large
 * message at once. `cpu` on stdin prints the CPU time used so far, in ms.
 */
import { createInterface } from 'node:readline';
import { connect, listen, type PortableConnection, type PortableValue, type ProtocolName } from 'serpy';

export interface PeerArguments {
  readonly protocol: ProtocolName;
  readonly port: number;
  /** Connects instead of listening, and sends a message of this size at once. */
  readonly largeBytes?: number;
  /** Further options of `listen` or `connect`. */
  readonly options?: object;
}

const { protocol, port, largeBytes, options } = JSON.parse(process.argv[2] ?? '{}') as PeerArguments;

function print(what: string): void {
  process.stdout.write(`${what}\n`);
}

function block(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

async function serve(connection: PortableConnection): Promise<void> {
  connection.on('warning', () => {});
  connection.on('close', ({ reason }) => print(`closed ${reason}`));
  for await (const data of connection) {
    const [what, number] = String(data).split(' ');
    if (what === 'block') block(Number(number));
    const answer = what === 'large' ? Buffer.alloc(Number(number), 0x5a) : data;
    await connection.sendData(answer as PortableValue).catch(() => {});
  }
}

createInterface(process.stdin).on('line', () => {
  const { user, system } = process.cpuUsage();
  print(`cpu ${(user + system) / 1000}`);
});

if (largeBytes === undefined) {
  const server = await listen({ protocol, port, ...options } as never);
  server.on('warning', (error: Error) => print(`warning ${error.message}`));
  server.on('drop', () => print('dropped'));
  server.on('connection', (connection: PortableConnection) => void serve(connection));
  print(`listening on ${(server as { address: { port: number } }).address.port}`);
} else {
  const client: PortableConnection = await connect({ protocol, port, ...options } as never);
  print('connected');
  await client.sendData(Buffer.alloc(largeBytes, 0x5a));
  await client.close();
}
