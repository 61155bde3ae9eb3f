/** MQTT 5, and 3.1.1 for brokers that do not speak 5. */
import { randomBytes } from 'node:crypto';
import type { IClientOptions, IConnackPacket, MqttClient } from 'mqtt';
import {
  AuthenticationError,
  type Clock,
  ConnectError,
  MessagesDroppedError,
  MessageTooLargeError,
  type SerpyError,
} from 'serpy-core';
import { isAnswerTopic } from '../topics.js';
import type { BrokerAddress } from './address.js';
import { type Broker, type BrokerLink, type LinkOptions, type Publication, Refusal } from './broker.js';

/** After 1.5 times this time without an answer, the broker is unresponsive. */
const keepAliveSeconds = 10;
const connectTimeoutMs = 10_000;
const closeTimeoutMs = 1000;

/** A broker that answers pings and acknowledges nothing is unresponsive, too. */
const ackTimeoutMs = 20_000;

/** What a client of MQTT 5 tells the broker: larger messages are not sent to it. */
const maxInboundBytes = 16 * 2 ** 20;

/** Bytes of a PUBLISH besides topic and payload, at most. */
const overheadBytes = 128;

type Version = 5 | 4;

export class MqttBroker implements Broker {
  readonly url: string;
  readonly #address: BrokerAddress;
  readonly #clock: Clock;
  #version: Version;
  /** Whether it has accepted MQTT 5: then only its own words select another version. */
  #speaks5 = false;

  constructor(address: BrokerAddress, clock: Clock) {
    this.url = address.url;
    this.#address = address;
    this.#clock = clock;
    this.#version = address.mqttVersion === '3.1.1' ? 4 : 5;
  }

  async connect(options: LinkOptions): Promise<BrokerLink> {
    const { default: mqtt } = await import('mqtt');
    const client = mqtt.connect(this.#clientOptions(options));
    client.setMaxListeners(0); // one for each publication
    client.on('error', () => {}); // `close` follows
    const abort = () => void endNow(client);
    options.signal.addEventListener('abort', abort);
    try {
      const connack = await this.#connack(client);
      const link = new MqttLink(client, this.#version, connack, options.window, this.#clock);
      this.#speaks5 ||= this.#version === 5;
      await link.subscribe(options);
      return link;
    } catch (error) {
      await endNow(client);
      throw error;
    } finally {
      options.signal.removeEventListener('abort', abort);
    }
  }

  #connack(client: MqttClient): Promise<IConnackPacket> {
    return new Promise((resolve, reject) => {
      let failure: unknown;
      const onClose = () => reject(this.#failure(failure));
      client.once('connect', (connack) => {
        client.off('close', onClose); // the end of a good connection selects no other version
        resolve(connack);
      });
      client.once('error', (error) => {
        failure ??= error;
      });
      client.once('close', onClose);
    });
  }

  /** Why there is no connection. A broker that does not speak this version is tried with the other one. */
  #failure(error: unknown): SerpyError {
    const { code, message } = (error ?? {}) as { code?: number | string; message?: string };
    const { mqttVersion, url, user } = this.#address;
    const isSilent = error === undefined && !this.#speaks5;
    const isOtherVersion = code === 1 || code === 132 || code === 129 || code === 130 || isSilent;
    if (mqttVersion === 'auto' && isOtherVersion) this.#version = this.#version === 5 ? 4 : 5;
    if (code === 4 || code === 5 || code === 134 || code === 135)
      return new AuthenticationError(
        `the broker at ${url} rejected ${user === undefined ? 'a client without a user' : `the user ${user}`}: check the user and the password`,
        { cause: error },
      );
    if (error === undefined)
      return new ConnectError(`the broker at ${url} closed the connection, or did not answer, before it accepted it`);
    return new ConnectError(`no connection to the broker at ${url}: ${message}`, { cause: error });
  }

  #clientOptions({ will, window }: LinkOptions): IClientOptions {
    const { host, port, encrypted, user, password, ca, cert, key } = this.#address;
    const version = this.#version;
    return {
      host,
      port,
      protocol: encrypted ? 'mqtts' : 'mqtt',
      protocolVersion: version,
      clientId: `serpy-${randomBytes(8).toString('hex')}`, // 23 characters at most in 3.1.1
      clean: true,
      keepalive: keepAliveSeconds,
      connectTimeout: connectTimeoutMs,
      reconnectPeriod: 0, // the bridge connects again itself, with a new will
      queueQoSZero: false,
      resubscribe: false,
      ...(user !== undefined && { username: user }),
      ...(password !== undefined && { password }),
      ...(ca && { ca }),
      ...(cert && { cert }),
      ...(key && { key }),
      will: {
        topic: will.topic,
        payload: will.payload,
        qos: 1,
        retain: true,
        ...(version === 5 && { properties: { contentType: will.contentType } }),
      },
      ...(version === 5 && {
        properties: { sessionExpiryInterval: 0, receiveMaximum: window, maximumPacketSize: maxInboundBytes },
      }),
    };
  }
}

class MqttLink implements BrokerLink {
  readonly protocol: string;
  readonly window: number;
  readonly ended: Promise<string>;
  readonly refreshMs = undefined;
  readonly #client: MqttClient;
  readonly #version: Version;
  readonly #clock: Clock;
  readonly #qos: 0 | 1;
  readonly #canRetain: boolean;
  readonly #maxPacketBytes: number;

  constructor(client: MqttClient, version: Version, connack: IConnackPacket, window: number, clock: Clock) {
    const { maximumPacketSize, maximumQoS, retainAvailable, receiveMaximum } = connack.properties ?? {};
    this.#client = client;
    this.#version = version;
    this.#clock = clock;
    this.protocol = version === 5 ? 'MQTT 5' : 'MQTT 3.1.1';
    this.window = Math.min(window, receiveMaximum ?? window);
    this.#qos = maximumQoS === 0 ? 0 : 1;
    this.#canRetain = retainAvailable !== false;
    this.#maxPacketBytes = maximumPacketSize ?? Number.POSITIVE_INFINITY;
    this.ended = new Promise((resolve) => {
      let reason = 'the broker closed the connection, or did not answer';
      client.on('disconnect', ({ reasonCode, properties }) => {
        reason = `the broker disconnected: ${properties?.reasonString ?? `reason code ${reasonCode}`}`;
      });
      client.on('error', (error) => {
        reason = error.message;
        void endNow(client); // after a packet that it cannot read, the client reads nothing more
      });
      client.once('close', () => resolve(reason));
    });
  }

  /** Receives messages on these topics, but not those that the broker has kept. */
  async subscribe({ subscriptions, onArrival }: LinkOptions): Promise<void> {
    // An answer on a topic of the bridge would be the next command or request.
    const mayAnswerOn = (topic: string | undefined): topic is string =>
      topic !== undefined && isAnswerTopic(topic) && !subscriptions.includes(topic);
    this.#client.on('message', (topic, payload, packet) => {
      const { responseTopic, correlationData } = packet.properties ?? {};
      onArrival({
        topic,
        payload,
        retained: packet.retain,
        reply: mayAnswerOn(responseTopic) ? this.#replyTo(responseTopic, correlationData) : undefined,
      });
    });
    for (const topic of subscriptions) {
      const options = { qos: 1, ...(this.#version === 5 && { rh: 2 }) } as const;
      await this.#client.subscribeAsync(topic, options).catch((cause: Error) => {
        // The library throws this for a code from 128 in the answer.
        if (!cause.message.startsWith('Subscribe error')) throw cause;
        throw new ConnectError(`the broker does not let this user subscribe to ${topic}: check its access list`, {
          cause,
        });
      });
    }
  }

  async publish({ topic, payload, contentType, retain, id }: Publication): Promise<void> {
    const sizeBytes = payload.length + Buffer.byteLength(topic) + contentType.length + id.length + overheadBytes;
    if (sizeBytes > this.#maxPacketBytes)
      throw new Refusal(
        new MessageTooLargeError(
          `a message for ${topic}`,
          sizeBytes,
          this.#maxPacketBytes,
          'lower maxBytes, or raise the limit of the broker',
        ),
      );
    const isText = contentType.startsWith('text/') || contentType === 'application/json';
    const properties = this.#version === 5 && { properties: { contentType, payloadFormatIndicator: isText } };
    await this.#send(topic, payload, { qos: this.#qos, retain: retain && this.#canRetain, ...properties });
  }

  async close(): Promise<void> {
    const client = this.#client;
    const clean = client.endAsync(false).catch(() => {});
    let timer: unknown;
    const late = new Promise<void>((resolve) => {
      timer = this.#clock.setTimeout(resolve, closeTimeoutMs);
    });
    await Promise.race([clean, late]);
    this.#clock.clearTimeout(timer);
    // A client that is closing waits for the broker until the keep-alive time is over.
    client.stream.destroy();
    await endNow(client);
  }

  #replyTo(topic: string, correlationData: Buffer | undefined) {
    return async (payload: Buffer, contentType: string, failure: string | undefined) => {
      await this.#send(topic, payload, {
        qos: this.#qos,
        retain: false,
        properties: {
          contentType,
          ...(correlationData && { correlationData }),
          ...(failure !== undefined && { userProperties: { error: failure } }),
        },
      });
    };
  }

  #send(topic: string, payload: Buffer, options: Parameters<MqttClient['publishAsync']>[2]): Promise<void> {
    const client = this.#client;
    return new Promise((resolve, reject) => {
      const onClose = () => {
        this.#clock.clearTimeout(timer);
        reject(new ConnectError('the connection to the broker ended'));
      };
      const timer = this.#clock.setTimeout(() => void endNow(client), ackTimeoutMs);
      client.once('close', onClose);
      client.publish(topic, payload, { ...options }, (error) => {
        client.off('close', onClose);
        this.#clock.clearTimeout(timer);
        if (!error) return resolve();
        const { code, message } = error as { code?: number | string; message: string };
        const isFinal = typeof code === 'number' && code >= 128;
        reject(
          isFinal
            ? new Refusal(new MessagesDroppedError(`the broker refused a message for ${topic}: ${message}`, 1))
            : error,
        );
      });
    });
  }
}

function endNow(client: MqttClient): Promise<void> {
  return new Promise((resolve) => {
    client.end(true, () => resolve());
  });
}
