// Sends messages of all four types and growing sizes to ping-pong-server.ts, and compares the echoes.
// It reconnects if the server stops and starts again. `--messages 0` runs until Ctrl-C.
// Run the server first: npm run example -- serpy-v2/ping-pong-server
// Run it:               npm run example -- serpy-v2/ping-pong
import { performance } from 'node:perf_hooks';
import { isDeepStrictEqual } from 'node:util';
import { Connection, float, isSerpyError, type TypedValue } from 'serpy-v2';
import { clientAccess, keyIn, readArguments } from '../arguments.ts';

const { host, port, keyFile, messages } = readArguments(
  'Sends messages to ping-pong-server.ts and compares the echoes.',
  {
    host: ['the address of the server', '127.0.0.1'],
    port: ['its port', 5202],
    messages: ['the number of messages; 0 runs until Ctrl-C', 2000],
    ...clientAccess,
  },
);

const connection = await new Connection({ autoRestart: true, ...keyIn(keyFile) }).connect(host, port);
let stopped = false;
process.once('SIGINT', () => {
  stopped = true;
  connection.destroy();
});

/** Aborted when the connection is lost. Each TCP connection has its own. */
let lost = new AbortController();
connection.on('disconnect', ({ reason }) => {
  lost.abort();
  lost = new AbortController();
  if (reason !== 'local-close') console.log('the connection is lost');
});
connection.on('warning', (error) => console.log(error.message)); // for example, messages in flight are lost
connection.on('reconnect', ({ downMs }) => console.log(`reconnected after ${Math.round(downMs)} ms`));

let count = 0;
let errors = 0;
const start = performance.now();
try {
  for (; messages === 0 || count < messages; count++) {
    const sent = messageOf(count);
    const answer = await echoOf(sent);
    if (answer.type !== sent.type || !isDeepStrictEqual(answer.value, sent.value)) {
      errors++;
      console.log(`message ${count}: sent ${sent.type}, received a different ${answer.type}`);
    }
    if (count % 500 === 499) console.log(`${count + 1} messages so far`);
  }
} catch (error) {
  if (!stopped) throw error;
}
const seconds = (performance.now() - start) / 1000;
await connection.close();
console.log(`${count} messages, ${errors} errors, ${Math.round(count / seconds)} messages/s`);
process.exitCode = errors > 0 ? 1 : 0;

/** Sends a message and waits for its echo. Repeats it if the connection is lost, because data in flight is lost, too. */
async function echoOf({ type, value }: TypedValue): Promise<TypedValue> {
  for (;;) {
    const { signal } = lost;
    await connection.sendData(type === 'float' ? float(value) : value);
    try {
      return await connection.getMessage({ signal, timeoutMs: 60_000 });
    } catch (error) {
      if (!isSerpyError(error) || error.code !== 'ERR_SERPY_ABORTED') throw error;
    }
  }
}

/** The four types in turn, growing to 256 KiB and to 2^54, and then from the start. */
function messageOf(index: number): TypedValue {
  const step = Math.floor(index / 4) % 19;
  const size = 2 ** step;
  switch (index % 4) {
    case 0: // an int beyond the safe integers arrives as a bigint
      return { type: 'int', value: step < 18 ? -(8 ** step) : -(8n ** 18n) };
    case 1:
      return { type: 'float', value: size / 2 };
    case 2:
      return { type: 'str', value: 'µ'.repeat(size / 2) };
    default:
      return { type: 'bytes', value: Buffer.alloc(size, index) };
  }
}
