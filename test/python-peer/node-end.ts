/** The Node end of killed-node.test.ts: a process that a test kills. */
import { once } from 'node:events';
import { connect, listen } from 'serpy';

/** `server` or `client`; the port; `hold` leaves what arrives in the receive queue, `once` does not reconnect. */
const [role, port, mode] = process.argv.slice(2);
const options = { protocol: 'v2', port: Number(port), session: 'require' } as const;

async function accepted() {
  const server = await listen(options);
  console.log('port', server.address.port);
  return server.getConnection();
}

const connection = role === 'server' ? await accepted() : await connect({ ...options, autoRestart: mode !== 'once' });
connection.onRequest(async () => {
  console.log('received a request');
  await once(process, 'never');
});
await connection.sendData(`from ${process.pid}`);
if (mode === 'request') {
  await connection.getStream();
  console.log('received a stream');
}
if (mode === 'hold') await once(process, 'never');
for await (const data of connection) console.log('received', data);
