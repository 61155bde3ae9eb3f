/** The nodes in a real Node-RED, with instruments at the other end. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type ListenOptions, listen, type PortableConnection } from 'serpy';
import { afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { installNodeRed } from '../../../scripts/node-red.mjs';
import { root } from '../../../test/workspace.js';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

interface Message {
  readonly payload?: unknown;
  readonly topic?: string;
  readonly [name: string]: unknown;
}

/** The helper replaces `error` and `status` of each node, and reports their calls. */
interface Call {
  readonly firstArg: unknown;
}

interface FlowNode {
  on(event: 'input', listener: (message: Message) => void): void;
  on(event: 'call:error' | 'call:status', listener: (call: Call) => void): void;
  receive(message: Message): void;
  close(): Promise<void>;
}

interface Helper {
  init(runtime: string): void;
  load(nodes: readonly unknown[], flow: readonly object[]): Promise<void>;
  unload(): Promise<void>;
  getNode(id: string): FlowNode;
}

/** The configuration node, as the other nodes use it. */
interface ConnectionNode {
  attach(node: { status(): void }, receive: (message: { readonly value: unknown }) => void): () => void;
}

/** Undefined where it cannot be installed. */
let nodeRed: string | undefined;
let missing = '';
try {
  nodeRed = installNodeRed();
} catch (error) {
  missing = (error as Error).message;
  if (process.env['REQUIRE_TEST_TOOLS']) throw error;
}

let helper: Helper;
let nodes: readonly unknown[] = [];

beforeAll(() => {
  if (nodeRed === undefined) return;
  const require = createRequire(join(nodeRed, 'package.json'));
  helper = require('node-red-node-test-helper') as Helper;
  helper.init(require.resolve('node-red'));
  const own = ['serpy-connection', 'serpy-in', 'serpy-out', 'serpy-request'].map((name) =>
    require(join(root, 'packages', 'node-red-contrib-serpy', 'nodes', `${name}.js`)),
  );
  const runtime = createRequire(require.resolve('node-red'));
  nodes = [...own, runtime('@node-red/nodes/core/common/25-catch.js')];
});

afterEach(async () => {
  await helper?.unload();
});

async function instrument(options: Partial<ListenOptions> = {}) {
  const server = await listen({ protocol: 'v2', port: 0, closeTimeoutMs: 200, ...options } as ListenOptions);
  onTestFinished(() => server.closeServer());
  return server;
}

interface Flow {
  readonly received: Message[];
  readonly errors: string[];
  /** What the catch node passed on. */
  readonly caught: Message[];
  readonly states: string[];
  send(node: 'out' | 'request', message: Message): void;
}

/** A flow with each node, whose results are collected. */
async function start(config: object, timeoutMs = 5000, connection = 'instrument'): Promise<Flow> {
  const common = { z: 'flow', connection, timeoutMs };
  await helper.load(nodes, [
    { id: 'flow', type: 'tab' },
    { id: 'instrument', type: 'serpy-connection', name: 'camera', ...config },
    { id: 'in', type: 'serpy-in', ...common, wires: [['received']] },
    { id: 'out', type: 'serpy-out', ...common },
    { id: 'request', type: 'serpy-request', ...common, wires: [['received']] },
    { id: 'received', type: 'helper', z: 'flow' },
    { id: 'catcher', type: 'catch', z: 'flow', scope: null, uncaught: false, wires: [['caught']] },
    { id: 'caught', type: 'helper', z: 'flow' },
  ]);
  const flow: Flow = {
    received: [],
    errors: [],
    caught: [],
    states: [],
    send: (node, message) => helper.getNode(node).receive(message),
  };
  helper.getNode('received').on('input', (message) => flow.received.push(message));
  helper.getNode('caught').on('input', (message) => flow.caught.push(message));
  for (const id of ['out', 'request']) {
    helper.getNode(id).on('call:error', ({ firstArg }) => flow.errors.push((firstArg as Error).message));
  }
  helper.getNode('in').on('call:status', ({ firstArg }) => {
    const { fill, text } = firstArg as { fill: string; text: string };
    flow.states.push(`${fill} ${text}`);
  });
  return flow;
}

const urlOf = (server: { address: { port: number } }) => `serpy2://127.0.0.1:${server.address.port}`;

describe.skipIf(nodeRed === undefined)(`the nodes in Node-RED${missing && `: ${missing}`}`, () => {
  test('receive what an instrument sends, and send to it', async () => {
    const server = await instrument();
    const flow = await start({ url: urlOf(server) });
    const client = await server.getConnection();
    await client.sendData(21.5);
    await client.sendData('idle');
    await vi.waitFor(() => expect(flow.received).toHaveLength(2), { timeout: 20_000 });
    expect(flow.received.map(({ payload, topic }) => [payload, topic])).toEqual([
      [21.5, 'camera'],
      ['idle', 'camera'],
    ]);
    flow.send('out', { payload: Buffer.from('expose') });
    expect(String(await client.getData({ timeoutMs: 20_000 }))).toBe('expose');
  });

  test('give each question its own answer, and keep the other properties of a message', async () => {
    const server = await instrument();
    server.onRequest((question) => `answer to ${question}`);
    const flow = await start({ url: urlOf(server) });
    for (let i = 0; i < 50; i++) flow.send('request', { payload: `question ${i}`, number: i });
    await vi.waitFor(() => expect(flow.received).toHaveLength(50), { timeout: 20_000 });
    for (const { payload, number } of flow.received) expect(payload).toBe(`answer to question ${number}`);
  });

  test('give the errors of a message to the catch nodes, with the message', async () => {
    const server = await instrument();
    server.onRequest((question) => {
      if (question === 'broken?') throw new Error('the shutter is stuck');
      return new Promise(() => {});
    });
    const flow = await start({ url: urlOf(server) }, 200);
    const cases: [node: 'out' | 'request', payload: unknown, code: string, error: RegExp][] = [
      ['request', 'temperature?', 'ERR_SERPY_TIMEOUT', /200 ms/],
      ['request', 'broken?', 'ERR_SERPY_REQUEST_FAILED', /the shutter is stuck/],
      ['out', { an: 'object' }, 'ERR_SERPY_VALUE', /object/],
      ['out', undefined, 'ERR_SERPY_VALUE', /undefined/],
    ];
    for (const [at, [node, payload, code, sentence]] of cases.entries()) {
      flow.send(node, { payload, topic: `message ${at}` });
      await vi.waitFor(() => expect(flow.caught).toHaveLength(at + 1), { timeout: 20_000 });
      const { error, ...message } = flow.caught[at] as Message & {
        error: { message: string; source: object; code?: string };
      };
      expect(message).toMatchObject(payload === undefined ? {} : { payload });
      expect(message.topic).toBe(`message ${at}`);
      expect(error.message).toMatch(sentence);
      expect(error.code).toBe(code);
      expect(error.source).toMatchObject({ id: node, type: `serpy-${node}` });
    }
    expect(flow.received).toEqual([]);
  });

  test('give a message that finds the queue full to the catch nodes', async () => {
    const server = await instrument();
    const { port } = server.address;
    await server.closeServer();
    const flow = await start({ url: `serpy2://127.0.0.1:${port}` }, 50);
    const bytes = Buffer.alloc(4 * 2 ** 20);
    for (let count = 0; count < 100 && flow.caught.length === 0; count++) {
      flow.send('out', { payload: bytes });
      await new Promise((resolve) => setImmediate(resolve));
    }
    await vi.waitFor(() => expect(flow.caught.length).toBeGreaterThan(0), { timeout: 20_000 });
    expect((flow.caught[0] as unknown as { error: Error }).error.message).toMatch(
      /timed out after 50 ms \(timeoutMs\): the send queue is full/,
    );
  });

  test('without a connection give each message to the catch nodes, too', async () => {
    const flow = await start({ url: 'serpy2://127.0.0.1:1' }, 50, '');
    flow.send('out', { payload: 1 });
    flow.send('request', { payload: 2 });
    await vi.waitFor(() => expect(flow.caught).toHaveLength(2), { timeout: 20_000 });
    for (const { error } of flow.caught as unknown as { error: Error }[]) {
      expect(error.message).toContain('serpy: no connection is selected: open the node and select one');
    }
  });

  test('keep messages while a deployment replaces the node that receives', async () => {
    const server = await instrument();
    const flow = await start({ url: urlOf(server) });
    const client = await server.getConnection();
    await client.sendData('first');
    await vi.waitFor(() => expect(flow.received).toHaveLength(1), { timeout: 20_000 });
    await helper.getNode('in').close();
    server.onRequest((question) => String(question));
    for (const text of ['second', 'third']) await client.sendData(text);
    flow.send('request', { payload: 'all have arrived' });
    await vi.waitFor(() => expect(flow.received).toHaveLength(2), { timeout: 20_000 });
    const values: unknown[] = [];
    const connection = helper.getNode('instrument') as unknown as ConnectionNode;
    connection.attach({ status() {} }, ({ value }) => values.push(value));
    await vi.waitFor(() => expect(values).toEqual(['second', 'third']), { timeout: 20_000 });
  });

  test('show that a connection breaks and comes back, and continue', async () => {
    const server = await instrument();
    const { port } = server.address;
    const flow = await start({ url: `serpy2://127.0.0.1:${port}?session=off` });
    await server.getConnection();
    await server.closeServer();
    await vi.waitFor(() => expect(flow.states.at(-1)).toBe('yellow reconnecting'), { timeout: 20_000 });
    const again = await instrument({ port });
    await (await again.getConnection()).sendData('back');
    await vi.waitFor(() => expect(flow.received.at(-1)?.payload).toBe('back'), { timeout: 20_000 });
    expect(flow.states.at(-1)).toBe('green connected');
  });

  test('speak with a key from a file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'serpy-node-red-key-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const [right, wrong] = [join(folder, 'right.key'), join(folder, 'wrong.key')];
    const { generateKey } = await import('serpy');
    for (const file of [right, wrong]) writeFileSync(file, `${generateKey()}\n`, { mode: 0o600 });
    const server = await instrument({ key: { file: right } } as Partial<ListenOptions>);
    const flow = await start({ url: urlOf(server), keyFile: right });
    const client = (await server.getConnection()) as PortableConnection;
    expect(client.encrypted).toBe(true);
    await helper.unload();
    const refused = await start({ url: urlOf(server), keyFile: wrong });
    await vi.waitFor(() => expect(refused.states.at(-1)).toMatch(/^red /), { timeout: 20_000 });
    expect(flow.errors).toEqual([]);
  });

  test.each([
    ['', 'the connection has no address'],
    ['http://127.0.0.1', 'http'],
    ['serpy2://127.0.0.1:99999', '99999'],
  ])('say what is wrong with the address "%s"', async (url, sentence) => {
    const flow = await start({ url });
    flow.send('out', { payload: 1 });
    await vi.waitFor(() => expect(flow.errors.join()).toContain(sentence), { timeout: 20_000 });
  });

  test('stop while the instrument is still awaited', async () => {
    const server = await instrument();
    const { port } = server.address;
    await server.closeServer();
    await start({ url: `serpy2://127.0.0.1:${port}` });
    await helper.unload();
    await expect(connect({ protocol: 'v2', port, waitForServer: false })).rejects.toThrow();
  });
});
