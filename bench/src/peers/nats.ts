/**
 * @nats-io/transport-node over a separate nats-server. According to its README, the `callback` of a subscription avoids the cost of an
 * iterator, and `flush()` is a round trip to the server. So one flush is in flight while the next batch is published.
 * The server accepts messages up to 64 MiB and never disconnects a slow receiver. Its CPU time counts as the receiver's.
 * Requests are its own (`request` and `respond`). `-tls` is the same over TLS 1.3 with a certificate.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionOptions, NatsConnection } from '@nats-io/transport-node';
import type { Address, Availability, Link, MessageHandler, Payload, Peer } from '../peer.js';
import { certificateFiles, withCertificate } from './certificate.js';
import { versionOf } from './installed.js';

const up = 'up';
const down = 'down';

const requestTimeoutMs = 10_000;

/** The path of the binary: $NATS_SERVER, or on the path, or where Debian installs it. */
function findServer(): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/bin'];
  const candidates = [process.env.NATS_SERVER, ...folders.map((folder) => join(folder, 'nats-server'))];
  return candidates.find((path) => path !== undefined && existsSync(path));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** Starts a nats-server that ends with this process. */
async function startServer(
  path: string,
  secure: boolean,
): Promise<{ readonly address: Address; readonly pid: number }> {
  const address = { host: '127.0.0.1', port: await freePort() };
  const folder = mkdtempSync(join(tmpdir(), 'serpy-bench-nats-'));
  const config = join(folder, 'nats.conf');
  const { cert, key } = certificateFiles;
  const tls = secure ? `tls { cert_file: "${cert}", key_file: "${key}" }\n` : '';
  const limits = 'max_payload: 64MB\nmax_pending: 1GB\nwrite_deadline: "60s"\n';
  writeFileSync(config, `host: 127.0.0.1\nport: ${address.port}\n${limits}${tls}`);
  const server = spawn(path, ['-c', config], { stdio: 'ignore' });
  process.on('exit', () => {
    server.kill();
    rmSync(folder, { recursive: true, force: true });
  });
  return { address, pid: server.pid ?? 0 };
}

async function connectTo({ host, port }: Address, secure: boolean): Promise<NatsConnection> {
  const { connect } = await import('@nats-io/transport-node');
  const options: ConnectionOptions = { servers: `${host}:${port}`, reconnect: false, noEcho: true };
  if (secure) options.tls = { caFile: certificateFiles.cert };
  for (let attempt = 0; ; attempt++) {
    try {
      return await connect(options);
    } catch (error) {
      // The server has just been started.
      if (attempt === 100) throw error;
      await sleep(20);
    }
  }
}

class NatsLink implements Link {
  readonly #connection: NatsConnection;
  readonly #sendSubject: string;
  readonly #receiveSubject: string;
  #flushed: Promise<void> = Promise.resolve();

  constructor(connection: NatsConnection, sendSubject: string, receiveSubject: string) {
    this.#connection = connection;
    this.#sendSubject = sendSubject;
    this.#receiveSubject = receiveSubject;
  }

  async send({ bytes }: Payload, count: number): Promise<void> {
    for (let sent = 0; sent < count; sent++) this.#connection.publish(this.#sendSubject, bytes);
    if (count === 1 && bytes.length < 4096) return;
    await this.#flushed;
    this.#flushed = this.#connection.flush();
  }

  async request({ bytes }: Payload): Promise<number> {
    const { data } = await this.#connection.request(this.#sendSubject, bytes, { timeout: requestTimeoutMs });
    return data.length;
  }

  answer({ bytes }: Payload): void {
    this.#connection.subscribe(this.#receiveSubject, { callback: (_error, message) => void message.respond(bytes) });
  }

  receive(handler: MessageHandler): void {
    this.#connection.subscribe(this.#receiveSubject, {
      callback: (_error, message) => void handler(message.data.length),
    });
  }
}

async function findNats(): Promise<Availability> {
  const library = await versionOf('@nats-io/transport-node');
  if ('missing' in library) return library;
  const path = findServer();
  return path
    ? { version: `${library.version}, ${path}` }
    : { missing: 'nats-server was not found. Install it, or set NATS_SERVER' };
}

const peer = (name: string, secure: boolean): Peer => ({
  name,
  kinds: ['one-way', 'round-trip', 'acknowledged', 'request'],
  available: async () => await (secure ? withCertificate(findNats()) : findNats()),
  async server(_, accept) {
    const { address, pid } = await startServer(findServer() ?? 'nats-server', secure);
    const connection = await connectTo(address, secure);
    accept(new NatsLink(connection, down, up));
    await connection.flush();
    return { address, brokerPid: pid };
  },
  async client(_, address) {
    return new NatsLink(await connectTo(address, secure), up, down);
  },
});

export const peers: readonly Peer[] = [peer('nats', false), peer('nats-tls', true)];
