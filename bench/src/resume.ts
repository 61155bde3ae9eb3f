/**
 * `resume.js TIMES`: cuts the link of a session so many times, and writes the median time from the new TCP connection to the acknowledgement
 * of a message that waited, as JSON. Both ends are in this process, with a forwarder between them.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Connection, Server } from 'serpy-v2';
import { median } from './statistics.js';

const server = await new Server({ port: 0, session: 'require' }).start();
const target = server.address ?? { host: '', port: 0 };

/** The sockets of the present link. */
let link: readonly Socket[] = [];
let connectedMs = 0;

const forwarder = createServer({ noDelay: true }, (near) => {
  connectedMs = performance.now();
  const far = connect({ ...target, noDelay: true });
  link = [near, far];
  for (const socket of link) socket.on('error', () => undefined).on('close', cut);
  near.pipe(far).pipe(near);
}).listen(0, '127.0.0.1');
await once(forwarder, 'listening');

function cut(): void {
  for (const socket of link) socket.destroy();
}

const { port } = forwarder.address() as AddressInfo;
const reconnect = { baseDelayMs: 10, maxDelayMs: 20 };
const client = new Connection({ session: 'require', autoRestart: true, reconnect });
await client.connect('127.0.0.1', port);
const accepted = await server.getConnection();
void (async () => {
  for await (const _ of accepted);
})();

const tookMs: number[] = [];
for (let left = Number(process.argv[2] ?? 51); left > 0; left--) {
  await client.sendData('before', { acknowledge: 'received' });
  const disconnected = once(client, 'disconnect');
  cut();
  await disconnected;
  await client.sendData('waited', { acknowledge: 'received' });
  tookMs.push(performance.now() - connectedMs);
}
await client.close();
await server.closeServer();
forwarder.close();
console.log(JSON.stringify({ medianMs: median(tookMs), longestMs: Math.max(...tookMs), times: tookMs.length }));
