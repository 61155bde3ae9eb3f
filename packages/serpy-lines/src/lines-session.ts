/** The state of one connection that carries lines: no session, no modes, and nothing that outlives a TCP connection. */
import {
  describeValue,
  EncodingError,
  type InboundMessage,
  MessageTooLargeError,
  OptionError,
  type OutboundMessage,
  ProtocolError,
  quoted,
  type SerpyError,
  type Session,
  type SessionHost,
  type SharedEncoding,
  sniffBytes,
  TruncatedError,
  ValueError,
} from 'serpy-core';
import { LineDecoder } from './decoder.js';
import { decodeText, type Encoding, encodeText, isText } from './values/text.js';
import { foreignProtocolHint } from './wire/foreign-protocol.js';

/** Lines have no acknowledgements: any value but false is refused with `ERR_SERPY_OPTION`. */
export interface AcknowledgeOption {
  readonly acknowledge?: 'received' | 'consumed' | boolean | undefined;
}

/** What a session needs of the options. */
export interface SessionOptions {
  readonly maxMessageBytes: number;
  readonly terminator: string;
  readonly encoding: Encoding;
}

/** A line with its end, ready to be written. */
export interface Line extends OutboundMessage {
  readonly bytes: Buffer;
}

export interface ReceivedLine extends InboundMessage {
  readonly text: string;
}

export class LinesSession implements Session<string, AcknowledgeOption, ReceivedLine, Line> {
  readonly canSend = true;
  readonly deadlineMs = undefined;
  readonly #options: SessionOptions;
  readonly #host: SessionHost<Line>;
  readonly #terminator: Buffer;
  #decoder: LineDecoder;
  #nothingRead = true;

  constructor(options: SessionOptions, host: SessionHost<Line>) {
    this.#options = options;
    this.#host = host;
    this.#terminator = encodeText(options.terminator, options.encoding);
    this.#decoder = new LineDecoder(this.#terminator);
  }

  get midFrame(): boolean {
    return this.#decoder.bytes.length > 0;
  }

  get partialBytes(): number {
    return this.#decoder.partialBytes;
  }

  /** @throws `ERR_SERPY_OPTION`, `ERR_SERPY_VALUE`, `ERR_SERPY_ENCODING`, `ERR_SERPY_TOO_LARGE` */
  encode(text: string, options: AcknowledgeOption, shared?: SharedEncoding): Line {
    if (shared === undefined) return this.#encode(text, options);
    return { ...shared.get('lines', () => this.#encode(text, options)) }; // a queue notes its own state in it
  }

  #encode(text: string, { acknowledge = false }: AcknowledgeOption): Line {
    if (acknowledge !== false) throw new OptionError(noAcknowledgement);
    if (typeof text !== 'string')
      throw new ValueError(`a line is text, not ${describeValue(text)}: ${remedyFor(text)}`);
    const body = encodeText(text, this.#options.encoding);
    this.#checkSize('the line', body.length);
    const bytes = Buffer.concat([body, this.#terminator]);
    const reader = new LineDecoder(this.#terminator);
    reader.bytes.push(bytes);
    if (reader.find() === body.length) return { bytes, sizeBytes: bytes.length, awaitsAck: false };
    const end = JSON.stringify(this.#options.terminator);
    throw new ValueError(`the text contains, or forms with it, the terminator ${end}: send each line by itself`);
  }

  send({ bytes }: Line): void {
    this.#host.write(bytes);
  }

  linkUp(): void {
    this.#decoder = new LineDecoder(this.#terminator);
    this.#nothingRead = true;
  }

  receive(chunk: Buffer): void {
    this.#decoder.bytes.pushBorrowed(chunk);
  }

  retainUnread(): void {
    this.#decoder.bytes.retainUnread();
  }

  read(): ReceivedLine | undefined {
    const lineBytes = this.#decoder.find();
    if (this.#nothingRead) this.#checkPeer(lineBytes);
    // The last byte may be the first one of the line end.
    this.#checkSize('the line that the peer sends', lineBytes ?? this.#decoder.partialBytes - 1);
    if (lineBytes === undefined) return undefined;
    this.#nothingRead = false;
    const { encoding } = this.#options;
    const bytes = this.#decoder.take(lineBytes);
    const text = decodeText(bytes, encoding);
    if (!isText(bytes, encoding)) this.#host.warn(invalidTextError(bytes, text, encoding), 'bad-frame');
    return { text, sizeBytes: lineBytes + 1 };
  }

  ended(): SerpyError | undefined {
    const { bytes } = this.#decoder;
    if (bytes.length === 0) return undefined;
    const end = JSON.stringify(this.#options.terminator);
    return new TruncatedError(
      `the connection ended within a line: ${bytes.length} bytes (${quoted(bytes.peek(sniffBytes))}) came without the terminator ${end}: ` +
        'if the peer ends its lines in another way, set the option terminator to that',
    );
  }

  linkDown(): void {
    this.linkUp();
  }

  snapshot(): void {}
  cancelAck(): void {}
  tick(): void {}

  #checkSize(what: string, sizeBytes: number): void {
    const { maxMessageBytes } = this.#options;
    if (sizeBytes > maxMessageBytes) throw new MessageTooLargeError(what, sizeBytes, maxMessageBytes);
  }

  /** Refuses a peer of another protocol: a web page must not be able to send commands as the lines of a request. */
  #checkPeer(lineBytes: number | undefined): void {
    const hint = foreignProtocolHint(this.#decoder.bytes.peek(lineBytes ?? sniffBytes), lineBytes !== undefined);
    if (hint) throw new ProtocolError(`the peer does not send lines of text: ${hint}`);
  }
}

const noAcknowledgement =
  'the option acknowledge is not possible with lines of text, which are not acknowledged: leave it out, and send a question that the peer answers, such as *OPC?';

function remedyFor(value: unknown): string {
  if (typeof value !== 'object' || value === null) return 'send String(value)';
  return 'send json(value), or use v2, which also carries bytes and arrays';
}

function invalidTextError(bytes: Buffer, text: string, encoding: Encoding): EncodingError {
  const what = `the peer sent a line with bytes that are not text in '${encoding}' (${quoted(bytes)})`;
  const position = text.indexOf('\ufffd');
  return new EncodingError(
    `${what}; U+FFFD replaces them: set the option encoding to that of the peer`,
    '\ufffd',
    position,
  );
}
