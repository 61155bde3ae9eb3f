/** kill -9 of serpy for Node while examples/python/serpy_session.py is at the other end: what Python says, and how it continues. */
import { join } from 'node:path';
import { listen } from 'serpy';
import { FaultProxy } from 'serpy-fault-proxy';
import { afterEach, describe, expect, test } from 'vitest';
import { titled } from '../interop/python-peer.js';
import { killPrograms, Program } from '../program.js';
import { root } from '../workspace.js';
import { best, python, tellSending } from './peer.js';

afterEach(killPrograms);

const long = { timeout: 90_000 };

function nodeEnd(role: 'server' | 'client', port: number, ...more: string[]): Program {
  const file = join(root, 'test', 'python-peer', 'node-end.ts');
  return new Program(process.execPath, ['--import', 'tsx', file, role, String(port), ...more]);
}

const connecting = (options = '') => `
c = Connection("127.0.0.1", int(sys.argv[1]), session="require"${options})
print("connected", c.getData(timeout=20))
`;

/** A Node server, and a Python program that has connected to it. */
async function withServer(code: string, ...more: string[]) {
  const node = nodeEnd('server', 0, ...more);
  const port = Number((await node.until(/port (\d+)\n/))[1]);
  const client = python(code, [port]);
  await client.until(/connected from \d+\n/);
  return { node, port, client };
}

describe.skipIf(!best)(titled('kill -9 of a Node server', !!best), () => {
  test('is reported to a Python client, which continues in a new session with the next server', long, async () => {
    const { node, port, client } = await withServer(
      `${connecting()}
c.sendData("before", acknowledge="received", timeout=20)
${tellSending}
try:
    c.sendData(bytes(40000000), acknowledge="received", timeout=60)
except DeliveryUnknown as error:
    print("unknown:", error)
print("again", c.getData(timeout=30), "lost", [len(value) for value in c.lost])
c.sendData("after", acknowledge="consumed", timeout=30)
c.close()
`,
      'hold',
    );
    await client.until(/sending\n/);
    await node.kill();
    const next = nodeEnd('server', port);
    await client.until(/unknown: the session was lost: the message may or may not have arrived\n/);
    await client.until(/again from \d+ lost \[40000000\]\n/);
    await next.until(/received after\n/);
    const { status, stderr } = await client.ended;
    expect(status).toBe(0);
    expect(stderr).toMatch(/^the session was lost: the server no longer has the session: the server restarted, or/);
    expect(stderr).toContain('1 messages may or may not have arrived: see the attribute `lost`');
  });

  test('ends a Python client without auto_restart, as no deliberate end does', long, async () => {
    const { node, client } = await withServer(`${connecting(', auto_restart=False')}
try:
    for data in c:
        print(data)
    print("the loop ended")
except ConnectionClosed as error:
    print(type(error).__name__, error.clean, error)
try:
    c.sendData("late")
except ConnectionClosed as error:
    print("late:", error)
`);
    await node.kill();
    const { status, stdout, stderr } = await client.ended;
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(
      /^ConnectionClosed False the connection broke, and auto_restart is off: messages may or may/m,
    );
    expect(stdout).toMatch(/^late: the connection broke/m);
  });

  test('is not silent for a Python client that waits for the next server', long, async () => {
    const { node, port, client } = await withServer(`${connecting(', peer_timeout=0.5')}
print(c.getData(timeout=60))
c.close()
`);
    await node.kill();
    await client.untilStderr(
      /no connection to 127\.0\.0\.1:\d+ for 1 s \(.*refused.*\): it is tried again until close/,
    );
    nodeEnd('server', port);
    await client.until(/from \d+\n/);
    const { stderr } = await client.ended;
    expect(stderr).toContain('connected again\n');
    expect(stderr.match(/no connection to/g)).toHaveLength(1);
  });

  test('fails the open request and the open stream of a Python client', long, async () => {
    const { node, port, client } = await withServer(
      `${connecting()}
import itertools, threading
def try_it(name, call):
    try:
        call()
    except SerpyError as error:
        print(name, type(error).__name__, error)
calls = {"request": lambda: c.request("?", timeout=60),
         "stream": lambda: c.sendStream(itertools.repeat(bytes(100000)), timeout=60)}
threads = [threading.Thread(target=try_it, args=item) for item in calls.items()]
for each in threads: each.start()
`,
      'request',
    );
    await node.until(/received a request\n/);
    await node.until(/received a stream\n/);
    await node.kill();
    nodeEnd('server', port);
    const { stdout } = await client.ended;
    expect(stdout).toMatch(
      /^request DeliveryUnknown the request may or may not have been executed: the session was lost$/m,
    );
    expect(stdout).toMatch(/^stream StreamError the stream may not have arrived: the session was lost$/m);
  });
});

describe.skipIf(!best)(titled('kill -9 of a Node client', !!best), () => {
  const serving = (options: string) => `
s = Server("127.0.0.1", 0, session="require"${options}).start()
print("port", s.port)
first = s.getConnection()
print("first", first.getData(timeout=20))
sys.stdin.readline()
try:
    first.sendData("lost?", acknowledge="consumed", timeout=30)
except SerpyError as error:
    print(type(error).__name__, error)
try:
    for data in first:
        print(data)
except ConnectionClosed as error:
    print(type(error).__name__, error.clean, error)
second = s.getConnection()
print("second", second.getData(timeout=20), "lost", first.lost, len(s))
second.sendData("here", acknowledge="consumed", timeout=20)
s.close()
`;

  test.each([
    ['after resume_window', '', 'did not come back within 2 s'],
    ['at once if the client does not reconnect', 'once', 'does not connect again'],
  ])('ends its session at a Python server %s; the next client is another connection', long, async (_, mode, why) => {
    const program = python(serving(', resume_window=2'));
    const port = Number((await program.until(/port (\d+)\n/))[1]);
    const node = nodeEnd('client', port, mode);
    await program.until(/first from \d+\n/);
    await node.kill();
    program.type('\n');
    await program.until(/ConnectionClosed False/);
    const next = nodeEnd('client', port);
    await next.until(/received here\n/);
    const { status, stdout, stderr } = await program.ended;
    expect([status, stderr]).toEqual([0, '']);
    const text = `the connection broke, and the client ${why}: messages may or may not have arrived`;
    if (mode === '')
      expect(stdout).toContain('DeliveryUnknown the connection closed before the message was acknowledged');
    expect(stdout).toContain(`ConnectionClosed False ${text}`);
    expect(stdout).toMatch(mode === '' ? /^second .* lost \['lost\?'\] 1$/m : /^second .* 1$/m);
  });
});

test.skipIf(!best)(
  titled('a link that breaks while Node lives is resumed, and nothing is reported', !!best),
  long,
  async () => {
    const server = await listen({ protocol: 'v2', port: 0, session: 'require' });
    let connections = 0;
    server.on('connection', () => {
      connections += 1;
    });
    const proxy = await new FaultProxy({ target: { port: server.address.port } }).start();
    const program = python(
      `${connecting()}
for n in range(3):
    print("got", c.getData(timeout=20), c.lost)
    c.sendData(n, acknowledge="consumed", timeout=20)
`,
      [proxy.address.port],
    );
    const connection = await server.getConnection();
    await connection.sendData('a session');
    await program.until(/connected a session\n/);
    for (let n = 0; n < 3; n++) {
      proxy.cut('rst');
      await connection.sendData(`message ${n}`);
      await program.until(new RegExp(`got message ${n} \\[\\]\n`));
      expect(await connection.getData({ timeoutMs: 20_000 })).toBe(n);
    }
    expect(await program.ended).toMatchObject({ status: 0, stderr: '' });
    expect(connections).toBe(1);
    await server.closeServer();
    await proxy.close();
  },
);
