/** NATS with JetStream, which acknowledges publications and keeps them. Large messages are sent in pieces. */
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import type { Msg, NatsConnection, NodeConnectionOptions, PublishOptions } from '@nats-io/transport-node';
import { AuthenticationError, type Clock, ConnectError, MessagesDroppedError } from 'serpy-core';
import { aboutKind, subjectOf, type Topics, topicKinds } from '../topics.js';
import type { BrokerAddress } from './address.js';
import { type Broker, type BrokerLink, type LinkOptions, type Publication, Refusal } from './broker.js';
import { maxPieceBytes, PieceReader, pieceHeaders, piecesOf } from './pieces.js';

const connectTimeoutMs = 10_000;
const closeTimeoutMs = 1000;
const ackTimeoutMs = 10_000;

/** Two pings without an answer end the connection. */
const pingMs = 5000;

/** Headers count as a part of a message. */
const headerBytes = 1024;

/** NATS has no will: the description expires, and is published again and again. */
const aboutAgeMs = 30_000;
const refreshMs = 10_000;

/** The bounds of a stream that the bridge creates. A stream that exists keeps its own. */
const streamBytes = 2 ** 30;

/** The largest command or request. */
const maxInboundBytes = 16 * 2 ** 20;

/** Errors of JetStream for a message that it does not store. */
const finalApiCodes: readonly number[] = [10054, 10076, 10077, 10087];

const nanosecondsPerMs = 1_000_000;

export class NatsBroker implements Broker {
  readonly url: string;
  readonly #address: BrokerAddress;
  readonly #topics: Topics;
  readonly #clock: Clock;

  constructor(address: BrokerAddress, topics: Topics, clock: Clock) {
    this.url = address.url;
    this.#address = address;
    this.#topics = topics;
    this.#clock = clock;
    subjectOf(topics.about); // its error is for the program and not for an attempt
  }

  async connect(options: LinkOptions): Promise<BrokerLink> {
    const [nats, jet] = await Promise.all([import('@nats-io/transport-node'), import('@nats-io/jetstream')]);
    const connection = await this.#within(options.signal, nats.connect(this.#options()));
    try {
      await this.#ensureStreams(await jet.jetstreamManager(connection, { timeout: ackTimeoutMs }));
      const link = new NatsLink(
        connection,
        jet.jetstream(connection, { timeout: ackTimeoutMs }),
        nats.headers,
        options,
        this.#clock,
      );
      await connection.flush();
      return link;
    } catch (error) {
      await connection.close();
      throw error instanceof ConnectError ? error : this.#failure(error);
    }
  }

  /** An attempt that is aborted continues in the background, and what it makes is closed. */
  #within(signal: AbortSignal, attempt: Promise<NatsConnection>): Promise<NatsConnection> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        attempt.then((late) => late.close()).catch(() => {});
        reject(new ConnectError('the bridge was closed'));
      };
      signal.addEventListener('abort', abort);
      const settled = () => signal.removeEventListener('abort', abort);
      attempt.then(resolve, (error) => reject(this.#failure(error))).finally(settled);
    });
  }

  #options(): NodeConnectionOptions {
    const { host, port, encrypted, user, password, ca, cert, key } = this.#address;
    return {
      servers: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
      name: 'serpy-bridge',
      reconnect: false, // the bridge connects again itself
      timeout: connectTimeoutMs,
      pingInterval: pingMs,
      maxPingOut: 2,
      ...(user === undefined ? password !== undefined && { token: password } : { user, pass: password ?? '' }),
      ...(encrypted && {
        tls: {
          // The library names a host for the check of the certificate only if it is not an IP address.
          ...({ host } as object),
          ...(ca && { ca: ca.toString() }),
          ...(cert && { cert: cert.toString() }),
          ...(key && { key: key.toString() }),
        },
      }),
    };
  }

  #failure(error: unknown): ConnectError | AuthenticationError {
    const { message, name } = error as Error;
    const { url, user } = this.#address;
    if (/authorization/i.test(`${name} ${message}`))
      return new AuthenticationError(
        `the broker at ${url} rejected ${user === undefined ? 'a client without a user' : `the user ${user}`}: check the user and the password`,
        { cause: error },
      );
    if (/jetstream/i.test(`${name} ${message}`))
      return new ConnectError(
        `the broker at ${url} has no JetStream: ${message}. Start it with JetStream (nats-server -js)`,
        { cause: error },
      );
    return new ConnectError(`no connection to the broker at ${url}: ${message}`, { cause: error });
  }

  /** Creates the streams whose subjects no stream has. */
  async #ensureStreams(manager: JetStreamManager): Promise<void> {
    const { stream } = this.#address;
    const subjects = (kinds: readonly string[]) => kinds.map((kind) => subjectOf(this.#topics.pattern(kind, '*')));
    const isStored = async (kind: string) => {
      const subject = subjectOf(this.#topics.of(kind));
      return (await manager.streams.find(subject).catch(() => '')) !== '';
    };
    const values = await Promise.all(topicKinds.map(isStored));
    if (values.includes(false) && values.includes(true))
      throw new ConnectError(
        `a stream of the broker has only some of the subjects ${subjects(topicKinds).join(', ')}: add the others to it`,
      );
    if (values.includes(false))
      await this.#create(manager, { name: stream, subjects: subjects(topicKinds), max_bytes: streamBytes });
    if (!(await isStored(aboutKind)))
      await this.#create(manager, {
        name: `${stream}_about`,
        subjects: subjects([aboutKind]),
        max_msgs_per_subject: 1,
        max_age: aboutAgeMs * nanosecondsPerMs,
      });
  }

  async #create(manager: JetStreamManager, config: Parameters<JetStreamManager['streams']['add']>[0]): Promise<void> {
    try {
      await manager.streams.add(config);
    } catch (cause) {
      throw new ConnectError(
        `the stream ${config.name} could not be created: ${(cause as Error).message}. Create a stream with the subjects ${config.subjects?.join(', ')}, or choose another name with the option stream`,
        { cause },
      );
    }
  }
}

class NatsLink implements BrokerLink {
  readonly protocol = 'NATS';
  readonly window: number;
  readonly ended: Promise<string>;
  readonly refreshMs = refreshMs;
  readonly #connection: NatsConnection;
  readonly #stream: JetStreamClient;
  readonly #headers: () => NonNullable<PublishOptions['headers']>;
  readonly #clock: Clock;
  readonly #pieceBytes: number;

  constructor(
    connection: NatsConnection,
    stream: JetStreamClient,
    headers: () => NonNullable<PublishOptions['headers']>,
    options: LinkOptions,
    clock: Clock,
  ) {
    this.#connection = connection;
    this.#stream = stream;
    this.#headers = headers;
    this.#clock = clock;
    this.window = options.window;
    this.#pieceBytes = Math.min(maxPieceBytes, connection.info?.max_payload ?? maxPieceBytes) - headerBytes;
    this.ended = connection.closed().then((error) => error?.message ?? 'the broker closed the connection');
    const reader = new PieceReader({ maxMessageBytes: maxInboundBytes });
    for (const topic of options.subscriptions)
      connection.subscribe(subjectOf(topic), {
        callback: (error, message) => {
          if (!error) this.#receive(topic, message, reader, options);
        },
      });
  }

  async publish({ topic, payload, contentType, id }: Publication): Promise<void> {
    const pieces = piecesOf(payload, this.#pieceBytes);
    const subject = subjectOf(topic);
    const active = new Set<Promise<unknown>>();
    let failure: unknown;
    for (const [at, piece] of pieces.entries()) {
      const headers = this.#headers();
      headers.set('Content-Type', contentType);
      if (pieces.length > 1) {
        headers.set(pieceHeaders.id, id);
        headers.set(pieceHeaders.piece, String(at + 1));
        headers.set(pieceHeaders.pieces, String(pieces.length));
        headers.set(pieceHeaders.size, String(payload.length));
      }
      const sent = this.#stream
        .publish(subject, piece, { headers, msgID: `${id}.${at}`, timeout: ackTimeoutMs })
        .catch((error) => {
          failure ??= this.#refusal(error, topic);
        })
        .finally(() => active.delete(sent));
      active.add(sent);
      if (active.size >= this.window) await Promise.race(active);
      if (failure) break;
    }
    await Promise.all(active);
    if (failure) throw failure;
  }

  async close(): Promise<void> {
    let timer: unknown;
    const late = new Promise<void>((resolve) => {
      timer = this.#clock.setTimeout(resolve, closeTimeoutMs);
    });
    await Promise.race([this.#connection.flush().catch(() => {}), late]);
    this.#clock.clearTimeout(timer);
    await this.#connection.close();
  }

  /** An error that another attempt does not avoid. After any other one, the link ends, and the next one sends the message again. */
  #refusal(error: unknown, topic: string): unknown {
    const { code, message } = error as { code?: number; message: string };
    if (code !== undefined && finalApiCodes.includes(code))
      return new Refusal(new MessagesDroppedError(`the broker refused a message for ${topic}: ${message}`, 1));
    void this.#connection.close();
    return error;
  }

  #receive(topic: string, message: Msg, reader: PieceReader, { onArrival }: LinkOptions): void {
    const payload = reader.add(message);
    if (payload === undefined) return;
    const reply = async (answer: Buffer, contentType: string, failure: string | undefined) => {
      const headers = this.#headers();
      headers.set('Content-Type', contentType);
      if (failure !== undefined) headers.set('Error', failure.replaceAll(/[\r\n]+/g, ' '));
      const limit = this.#connection.info?.max_payload ?? maxPieceBytes;
      if (answer.length + headerBytes > limit) {
        headers.set('Error', `the answer has ${answer.length} bytes, and the broker accepts ${limit}`);
        this.#connection.publish(message.reply as string, Buffer.alloc(0), { headers });
      } else this.#connection.publish(message.reply as string, answer, { headers });
    };
    onArrival({ topic, payload, retained: false, reply: message.reply ? reply : undefined });
  }
}
