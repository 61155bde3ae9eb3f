/**
 * mqtt 5 (MQTT.js) to aedes in the receiving process. The receiving application subscribes at the broker itself (aedes' `subscribe`),
 * and sends to a client with that client's `publish`. MQTT.js joins small writes by default (`writeCache`).
 * `-tls` is the same over TLS 1.3 with a certificate.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import type { Aedes, Client as BrokersClient } from 'aedes';
import type { MqttClient } from 'mqtt';
import type { Link, MessageHandler, Payload, Peer } from '../peer.js';
import { clientTls, serverTls, withCertificate } from './certificate.js';
import { versionOf } from './installed.js';
import { listen } from './tcp.js';

type Qos = 0 | 1;

const up = 'up';
const down = 'down';

/** Messages in flight with QoS 1, in workloads that do not set it. */
const inFlight = 64;

class ClientLink implements Link {
  readonly #client: MqttClient;
  readonly #qos: Qos;
  readonly sendAcknowledged?: (payload: Payload) => Promise<unknown>;
  #unacknowledged = 0;

  constructor(client: MqttClient, qos: Qos) {
    this.#client = client;
    this.#qos = qos;
    if (qos === 1) this.sendAcknowledged = ({ bytes }) => client.publishAsync(up, bytes, { qos });
  }

  async send({ bytes }: Payload, count: number): Promise<void> {
    for (let sent = 1; sent < count; sent++) {
      if (this.#qos === 0) this.#client.publish(up, bytes, { qos: 0 });
      else await this.#sendCounted(bytes);
    }
    if (this.#qos === 1) await this.#sendCounted(bytes);
    // The callback runs when the message is in the socket or its queue.
    else await this.#client.publishAsync(up, bytes, { qos: 0 });
  }

  receive(handler: MessageHandler): void {
    this.#client.on('message', (_topic, message) => handler(message.length));
  }

  /** Waits while too many messages are in flight. */
  #sendCounted(bytes: Buffer): Promise<void> | undefined {
    this.#unacknowledged++;
    return new Promise((resolve) => {
      this.#client.publish(up, bytes, { qos: 1 }, () => {
        this.#unacknowledged--;
        resolve();
      });
      if (this.#unacknowledged < inFlight) resolve();
    });
  }
}

class BrokerLink implements Link {
  readonly #client: BrokersClient;
  readonly sendAcknowledged?: (payload: Payload) => Promise<unknown>;
  handler: MessageHandler | undefined;

  constructor(client: BrokersClient, qos: Qos) {
    this.#client = client;
    // aedes acknowledges. This method exists so that the application does not reply, too.
    if (qos === 1) this.sendAcknowledged = async () => await this.send({ bytes: Buffer.alloc(0), text: '' }, 1);
  }

  async send({ bytes }: Payload, count: number): Promise<void> {
    for (let sent = 0; sent < count; sent++) {
      await new Promise<void>((resolve) => {
        const packet = { cmd: 'publish', topic: down, payload: bytes, qos: 0, dup: false, retain: false } as const;
        this.#client.publish(packet, () => resolve());
      });
    }
  }

  receive(handler: MessageHandler): void {
    this.handler = handler;
  }
}

/** Listens for the broker, without or with TLS. */
async function listenFor(broker: Aedes, secure: boolean) {
  if (!secure) return await listen((socket) => broker.handle(socket));
  const server = createServer({ ...serverTls(), noDelay: true }, (socket) => broker.handle(socket));
  server.listen(0, '127.0.0.1', 4096);
  await once(server, 'listening');
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

async function serve(qos: Qos, secure: boolean, accept: (link: Link) => void) {
  const { Aedes } = await import('aedes');
  const broker: Aedes = await Aedes.createBroker();
  const links = new Map<string, BrokerLink>();
  broker.on('clientReady', (client) => {
    const link = new BrokerLink(client, qos);
    links.set(client.id, link);
    accept(link);
  });
  const deliver = (packet: { clientId?: string; payload: string | Buffer }, done: () => void) => {
    void links.get(packet.clientId ?? '')?.handler?.(packet.payload.length);
    done();
  };
  await new Promise<void>((resolve) => broker.subscribe(up, deliver as Parameters<Aedes['subscribe']>[1], resolve));
  const address = await listenFor(broker, secure);
  return {
    address,
    async broadcast({ bytes }: Payload, count: number) {
      for (let sent = 0; sent < count; sent++) {
        const packet = { cmd: 'publish', topic: down, payload: bytes, qos: 0, dup: false, retain: false } as const;
        await new Promise<void>((resolve) => broker.publish(packet, () => resolve()));
      }
    },
  };
}

async function findLibraries() {
  const [mqtt, aedes] = await Promise.all([versionOf('mqtt'), versionOf('aedes')]);
  if ('missing' in mqtt) return mqtt;
  return 'missing' in aedes ? aedes : { version: `${mqtt.version}, ${aedes.version}` };
}

function peer(qos: Qos, secure = false): Peer {
  return {
    name: `mqtt-qos${qos}${secure ? '-tls' : ''}`,
    kinds: qos === 0 ? ['one-way', 'round-trip', 'idle', 'broadcast'] : ['one-way', 'acknowledged'],
    available: async () => await (secure ? withCertificate(findLibraries()) : findLibraries()),
    server: async (_, accept) => await serve(qos, secure, accept),
    async client({ kind }, { host, port }) {
      const { connectAsync } = await import('mqtt');
      const link = secure ? { protocol: 'mqtts' as const, ...clientTls() } : { protocol: 'mqtt' as const };
      const client = await connectAsync({ ...link, host, port, clientId: randomUUID(), reconnectPeriod: 0 });
      if (kind === 'round-trip' || kind === 'broadcast') await client.subscribeAsync(down);
      return new ClientLink(client, qos);
    },
  };
}

export const peers: readonly Peer[] = [peer(0), peer(1), peer(1, true)];
