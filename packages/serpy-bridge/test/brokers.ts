/** Brokers for tests: mosquitto and nats-server as processes, each on a free port, and a client that collects messages. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectSocket, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';

/** The path of mosquitto; undefined if it is not installed. */
export const mosquittoPath = find('mosquitto');
export const noMosquitto = 'mosquitto was not found: install the package mosquitto';
export const mosquittoSubPath = find('mosquitto_sub');
export const noMosquittoSub = 'mosquitto_sub was not found: install the package mosquitto-clients';
export const natsPath = find('nats-server');
export const noNats = 'nats-server was not found: install the package nats-server';

function find(name: string): string | undefined {
  return ['/usr/sbin', '/usr/bin', '/usr/local/bin', '/usr/local/sbin']
    .map((folder) => `${folder}/${name}`)
    .find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** A broker that a test starts, stops, freezes and starts again on the same port. */
export class BrokerProcess {
  readonly port: number;
  readonly folder: string;
  readonly #command: readonly string[];
  #child: ChildProcess | undefined;
  #output = '';

  private constructor(port: number, folder: string, command: readonly string[]) {
    this.port = port;
    this.folder = folder;
    this.#command = command;
  }

  /** @param lines of the configuration */
  static async mosquitto(lines: readonly string[] = ['allow_anonymous true'], files: Record<string, string> = {}) {
    const port = await freePort();
    const folder = mkdtempSync(join(tmpdir(), 'serpy-mosquitto-'));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const listener = [`listener ${port} 127.0.0.1`, 'user root', 'persistence false'];
    const config = [...listener, ...lines.map((line) => line.replaceAll('FOLDER', folder))].join('\n');
    writeFileSync(join(folder, 'mosquitto.conf'), `${config}\n`);
    const broker = new BrokerProcess(port, folder, [mosquittoPath as string, '-c', join(folder, 'mosquitto.conf')]);
    await broker.start();
    return broker;
  }

  static async nats(args: readonly string[] = [], files: Record<string, string> = {}) {
    const port = await freePort();
    const folder = mkdtempSync(join(tmpdir(), 'serpy-nats-'));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const given = args.map((each) => each.replaceAll('FOLDER', folder));
    const command = [natsPath as string, '-a', '127.0.0.1', '-p', String(port), '-js', '-sd', folder, ...given];
    const broker = new BrokerProcess(port, folder, command);
    await broker.start();
    return broker;
  }

  get url(): string {
    return `${this.#command[0]?.includes('nats') ? 'nats' : 'mqtt'}://127.0.0.1:${this.port}`;
  }

  /** Resolves when it accepts connections. */
  async start(): Promise<void> {
    const [command, ...args] = this.#command as [string, ...string[]];
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    this.#child = child;
    while (!(await accepts(this.port))) {
      if (child.exitCode !== null) throw new Error(`${command} ended: ${this.#output}`);
      await sleep(20);
    }
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'close');
  }

  /** It holds its connections and does nothing. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectSocket(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

export interface Collected {
  readonly topic: string;
  readonly payload: Buffer;
  readonly retain: boolean;
}

/** A client of MQTT that collects what arrives on its topics. */
export class Collector {
  readonly client: MqttClient;
  readonly messages: Collected[] = [];

  private constructor(client: MqttClient) {
    this.client = client;
    client.on('message', (topic, payload, { retain }) => void this.messages.push({ topic, payload, retain }));
    client.on('error', () => {});
  }

  static async subscribe(url: string, topic: string, options: IClientOptions = {}): Promise<Collector> {
    const client = mqtt.connect(url, { reconnectPeriod: 50, protocolVersion: 5, ...options });
    const collector = new Collector(client);
    await new Promise((resolve) => client.once('connect', resolve));
    await client.subscribeAsync(topic, { qos: 1 });
    return collector;
  }

  on(topic: string): Buffer[] {
    return this.messages.filter((each) => each.topic === topic).map(({ payload }) => payload);
  }

  texts(topic: string): string[] {
    return this.on(topic).map(String);
  }

  async close(): Promise<void> {
    this.client.stream.destroy();
    await this.client.endAsync(true);
  }
}
