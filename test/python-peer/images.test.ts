/** Images between examples/python/serpy_session.py and serpy for Node. Prints the throughput, which depends on the other load of the computer. */
import { connect, listen } from 'serpy';
import { afterEach, expect, test } from 'vitest';
import { titled } from '../interop/python-peer.js';
import { killPrograms } from '../program.js';
import { best, python, titleOf } from './peer.js';

afterEach(killPrograms);

const count = 200;
const bytes = 1_048_576;
const images = `image = os.urandom(${bytes})\n`;
const timed = `
began, cpu = time.time(), time.process_time()
%
size = ${count * bytes} / 1e6
print("%.0f MB/s, %.0f MB per second of CPU time" % (size / (time.time() - began), size / (time.process_time() - cpu)))
c.close()
`;
const title = best ? titleOf(best) : 'Python';

test.skipIf(!best)(titled(`${title} sends images of 1 MiB`, !!best), { timeout: 120_000 }, async () => {
  const ours = await listen({ protocol: 'v2', port: 0, session: 'require' });
  const work = `for n in range(${count}):\n    c.sendData(image, acknowledge="received" if n == ${count - 1} else None)`;
  const code = `${images}c = Connection("127.0.0.1", int(sys.argv[1]), session="require")\n${timed.replace('\n%\n', `\n${work}\n`)}`;
  const program = python(code, [ours.address.port]);
  const connection = await ours.getConnection();
  let received = 0;
  for await (const image of connection) received += (image as Buffer).length;
  expect(received).toBe(count * bytes);
  console.info(`${title} sends: ${(await program.ended).stdout.trim()}`);
  await ours.closeServer();
});

test.skipIf(!best)(titled(`${title} receives images of 1 MiB`, !!best), { timeout: 120_000 }, async () => {
  const work = `for n in range(${count}):\n    assert len(c.getData(60)) == ${bytes}`;
  const code = `s = Server("127.0.0.1", 0, session="require").start()\nprint("port", s.port)\nc = s.getConnection()\n${timed.replace('\n%\n', `\n${work}\n`)}`;
  const program = python(code);
  const [, port] = await program.until(/port (\d+)\n/);
  const connection = await connect({ protocol: 'v2', port: Number(port), session: 'require' });
  const image = Buffer.alloc(bytes, 'image');
  for (let n = 0; n < count; n++) await connection.sendData(image);
  const [line] = await program.until(/.*CPU time\n/);
  console.info(`${title} receives: ${line.trim()}`);
  await connection.close();
});
