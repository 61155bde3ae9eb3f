/** kill -9 of a program with examples/python/serpy_session.py: what the other end says, and how it continues. */
import { connect } from 'serpy';
import { afterEach, describe, expect, test } from 'vitest';
import { titled } from '../interop/python-peer.js';
import { killPrograms } from '../program.js';
import { best, echo, python, tellSending } from './peer.js';

afterEach(killPrograms);

describe('kill -9', () => {
  const unknown = `
c = Connection("127.0.0.1", int(sys.argv[1]), session="require")
print("connected")
${tellSending}
try:
    c.sendData(bytes(40000000), acknowledge="consumed", timeout=60)
except DeliveryUnknown as error:
    print("unknown:", error)
print(c.getData(timeout=30))
c.close()
`;

  test.skipIf(!best)(
    titled('of a Python server is reported to Python, which continues with the next', !!best),
    { timeout: 90_000 },
    async () => {
      const start = (port: number) =>
        python(
          's = Server("127.0.0.1", int(sys.argv[1]), session="require").start()\nprint("port", s.port)\nc = s.getConnection()\nprint("there")\nc.sendData("again")\ntime.sleep(60)',
          [port],
        );
      const first = start(0);
      const [, port] = await first.until(/port (\d+)\n/);
      const client = python(unknown.replace('print("connected")', 'print("connected", c.getData(20))'), [
        port as string,
      ]);
      await client.until(/connected again\nsending\n/);
      await first.kill();
      start(Number(port));
      await client.until(/unknown: the session was lost.*\nagain\n/);
    },
  );

  test.skipIf(!best)(titled('of a Python client leaves the server at work', !!best), { timeout: 60_000 }, async () => {
    const program = python(echo);
    const [, port] = await program.until(/port (\d+)\n/);
    const client = python(
      'c = Connection("127.0.0.1", int(sys.argv[1]), session="require")\nc.sendData("here")\nprint(c.getData())\ntime.sleep(60)',
      [port as string],
    );
    await client.until(/here\n/);
    await client.kill();
    const connection = await connect({ protocol: 'v2', port: Number(port), session: 'require' });
    await connection.sendData('next');
    expect(await connection.getData()).toBe('next');
    await connection.close();
  });
});
