/** From the broker to the instrument: commands, and requests with their answers. */
import { float, int, type PortableConnection, type PortableValue } from 'serpy';
import { isNpy } from 'serpy-arrays';
import { type Clock, isSerpyError, MessagesDroppedError, NotConnectedError, type SerpyError } from 'serpy-core';
import type { Arrival } from './brokers/broker.js';
import type { BridgeSettings } from './options.js';
import { answerOf } from './outbound/payload.js';

export interface InboundHost {
  readonly clock: Clock;
  /** The connection to the instrument; undefined if there is none. */
  connection(): PortableConnection | undefined;
  onRefused(error: SerpyError): void;
}

/** Commands and requests that wait for the instrument. More are refused. */
const maxWaiting = 100;

/** A command that cannot be handed to the connection in this time is dropped: it would come too late. */
const commandExpiresMs = 2000;

/** The largest command or request. */
const maxInboundBytes = 16 * 2 ** 20;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class Inbound {
  readonly #settings: BridgeSettings;
  readonly #host: InboundHost;
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;
  commands = 0;
  requests = 0;
  /** Commands that did not reach the instrument, and requests without an answer. */
  refused = 0;

  constructor(settings: BridgeSettings, host: InboundHost) {
    this.#settings = settings;
    this.#host = host;
  }

  get subscriptions(): readonly string[] {
    const { commands, requests } = this.#settings;
    return [commands, requests].filter((topic) => topic !== undefined);
  }

  /** One after the other, so that answers cannot be mistaken and commands keep their order. */
  receive(arrival: Arrival): void {
    if (this.#isClosed) return;
    const isRequest = arrival.topic === this.#settings.requests;
    const fault = this.#faultOf(arrival, isRequest);
    if (fault) return void this.#refuse(fault, isRequest ? arrival : undefined);
    this.#waiting++;
    this.#last = this.#last
      .then(() => (isRequest ? this.#request(arrival) : this.#command(arrival)))
      .catch((error) => this.#refuse(error, isRequest ? arrival : undefined))
      .finally(() => this.#waiting--);
  }

  /** Resolves when the answers of accepted requests were handed to the broker. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#last;
  }

  #faultOf({ topic, payload, retained, reply }: Arrival, isRequest: boolean): Error | undefined {
    const what = isRequest ? 'a request' : 'a command';
    if (retained)
      return dropped(
        `${what} on ${topic} was not passed on: the broker had kept it, and it can be old. Send it without retain`,
      );
    if (payload.length > maxInboundBytes)
      return dropped(`${what} on ${topic} has ${payload.length} bytes, and the limit is ${maxInboundBytes} bytes`);
    if (isRequest && !reply)
      return dropped(
        `a request on ${topic} names no topic for its answer that the bridge may use: MQTT 5 (response topic) or NATS (request) is needed`,
      );
    if (this.#waiting >= maxWaiting)
      return dropped(`${what} on ${topic} was not passed on: ${maxWaiting} others wait for the instrument`);
    return undefined;
  }

  async #command({ topic, payload }: Arrival): Promise<void> {
    const connection = this.#connection();
    if (!(await connection.sendData(sentValue(payload, connection), { expiresMs: commandExpiresMs })))
      throw dropped(`a command on ${topic} did not reach the instrument within ${commandExpiresMs / 1000} s`);
    this.commands++;
  }

  async #request({ payload, reply }: Arrival): Promise<void> {
    const connection = this.#connection();
    const { requestTimeoutMs } = this.#settings;
    const answer = await connection.request(sentValue(payload, connection), { timeoutMs: requestTimeoutMs });
    const { payload: bytes, contentType } = answerOf(answer);
    await reply?.(bytes, contentType, undefined);
    this.requests++;
  }

  #connection(): PortableConnection {
    const connection = this.#host.connection();
    if (connection?.isConnected()) return connection;
    throw new NotConnectedError(`the instrument '${this.#settings.name}' is not connected: try again later`);
  }

  /** Reports it, and answers a request with the reason. */
  #refuse(error: Error, request: Arrival | undefined): void {
    this.refused++;
    this.#host.onRefused(isSerpyError(error) ? (error as unknown as SerpyError) : dropped(error.message));
    request?.reply?.(Buffer.alloc(0), 'text/plain', error.message)?.catch(() => {}); // the broker is gone: reported there
  }
}

function dropped(sentence: string): MessagesDroppedError {
  return new MessagesDroppedError(sentence, 1);
}

/** A number if the protocol has numbers and the text is one; else a text; else bytes. */
function sentValue(payload: Uint8Array, { protocol, peerProtocol }: PortableConnection): PortableValue {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  if (isNpy(bytes)) return bytes;
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return bytes;
  }
  if ((peerProtocol ?? protocol) === 'lines') return text.replace(/\r?\n$/, '');
  if (/^-?\d{1,18}$/.test(text)) return int(BigInt(text));
  if (/^-?\d+\.\d*(?:e[+-]?\d{1,3})?$|^-?\d+e[+-]?\d{1,3}$/i.test(text)) return float(Number(text));
  return text;
}
