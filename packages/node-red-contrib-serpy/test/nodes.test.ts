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
}

interface Helper {
  init(runtime: string): void;
  load(nodes: readonly unknown[], flow: readonly object[]): Promise<void>;
  unload(): Promise<void>;
  getNode(id: string): FlowNode;
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
  nodes = own;
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
  readonly states: string[];
  send(node: 'out' | 'request', message: Message): void;
}

/** A flow with each node, whose results are collected. */
async function start(config: object, timeoutMs = 5000): Promise<Flow> {
  const common = { z: 'flow', connection: 'instrument', timeoutMs };
  await helper.load(nodes, [
    { id: 'flow', type: 'tab' },
    { id: 'instrument', type: 'serpy-connection', name: 'camera', ...config },
    { id: 'in', type: 'serpy-in', ...common, wires: [['received']] },
    { id: 'out', type: 'serpy-out', ...common },
    { id: 'request', type: 'serpy-request', ...common, wires: [['received']] },
    { id: 'received', type: 'helper', z: 'flow' },
  ]);
  const flow: Flow = {
    received: [],
    errors: [],
    states: [],
    send: (node, message) => helper.getNode(node).receive(message),
  };
  helper.getNode('received').on('input', (message) => flow.received.push(message));
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

  test('report errors of a message, for the catch nodes: no answer, and data that cannot be sent', async () => {
    const server = await instrument();
    server.onRequest(() => new Promise(() => {}));
    const flow = await start({ url: urlOf(server) }, 200);
    flow.send('request', { payload: 'temperature?' });
    await vi.waitFor(() => expect(flow.errors).toHaveLength(1), { timeout: 20_000 });
    flow.send('out', { payload: { an: 'object' } });
    flow.send('out', {});
    await vi.waitFor(() => expect(flow.errors).toHaveLength(3), { timeout: 20_000 });
    expect(flow.errors.every((text) => text.length > 10)).toBe(true);
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
