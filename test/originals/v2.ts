/**
 * The receiving half of an original v2 peer, as strict as can be: it names the first byte that such a peer could not take.
 * Written from the description of the wire; shares nothing with the sources.
 */
import { byteSum, floatText, readFloat, signedInteger } from '../../packages/serpy-v2/test/oracle.js';
import { type Harm, hexByte } from './harm.js';

const magic = [0xde, 0xca, 0xfe, 0xca, 0xfe];
const probe = Buffer.from('\x01SETMODE0\x1f\x1f\x1f\x1f\x1f', 'latin1');
const headerBytes = 14;
const types = [0x01, 0x11, 0x21, 0x81];

/** An original looks at its socket every 10 ms, and may be at work with what it has: so long after a probe nothing may follow. */
export const probeReadMs = 50;

export type V2Message =
  | { readonly type: 'int'; readonly value: bigint }
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'str'; readonly value: string }
  | { readonly type: 'bytes'; readonly value: Buffer };

export interface V2ReceiverOptions {
  /** Whether a client's probe may come first, and must then be left alone for `probeReadMs`. Default false. */
  readonly probe?: boolean;
  /**
   * Tells the payload of a HELLO from any other. A frame with a wrong checksum is a warning at an original, so it may be nothing else:
   * only the first frame of a client, of type 81, with just the complement of the right checksum. Default: there is no HELLO.
   */
  readonly isHello?: (payload: Buffer) => boolean;
  /** So long nothing may follow a HELLO, which an original does not answer. Default 0. */
  readonly sessionTimeoutMs?: number;
}

export class V2Receiver {
  harm: Harm | undefined;
  /** What its program got, in order. */
  readonly messages: V2Message[] = [];
  /** The payloads of the HELLOs that it has dropped with a warning. */
  readonly hellos: Buffer[] = [];
  readonly #options: V2ReceiverOptions;
  #offset = 0;
  #frames = 0;
  /** The frame that is coming, or the probe, and how long it is as far as is known. */
  #frame: number[] = [];
  #frameBytes = headerBytes;
  #isProbe = false;
  /** When the probe was there, and when the HELLO. */
  #probedAtMs: number | undefined;
  #greetedAtMs: number | undefined;

  constructor(options: V2ReceiverOptions = {}) {
    this.#options = options;
  }

  /** Takes what came, at this time in milliseconds. */
  receive(chunk: Uint8Array, nowMs = 0): void {
    for (const byte of chunk) {
      if (this.harm) return;
      const why = this.#add(byte, nowMs);
      if (why !== undefined) this.harm = { offset: this.#offset, why };
      this.#offset++;
    }
  }

  #add(byte: number, nowMs: number): string | undefined {
    if (this.#probedAtMs !== undefined) {
      const waitedMs = nowMs - this.#probedAtMs;
      if (waitedMs < probeReadMs) return `${waitedMs} ms after the probe: what is read with it is thrown away with it`;
      this.#probedAtMs = undefined;
    }
    if (this.#greetedAtMs !== undefined) {
      const waitedMs = nowMs - this.#greetedAtMs;
      if (waitedMs < (this.#options.sessionTimeoutMs ?? 0)) return `${waitedMs} ms after a HELLO that is not answered`;
      this.#greetedAtMs = undefined;
    }
    const at = this.#frame.length;
    if (this.#offset === 0) this.#isProbe = this.#options.probe === true && byte === probe[0];
    this.#frame.push(byte);
    if (this.#isProbe) return this.#addToProbe(byte, at, nowMs);
    if (at < magic.length && byte !== magic[at]) return `${hexByte(byte)} where byte ${at} of the magic should be`;
    if (at === magic.length && !types.includes(byte)) return `a frame of type ${hexByte(byte)}`;
    if (this.#frame.length === headerBytes) this.#frameBytes += this.#number(10);
    if (this.#frame.length < this.#frameBytes) return undefined;
    const frame = this.#frame;
    const sum = this.#number(6);
    this.#frame = [];
    this.#frameBytes = headerBytes;
    this.#frames++;
    return this.#whole(frame[magic.length] as number, sum, frame.slice(headerBytes), nowMs);
  }

  #addToProbe(byte: number, at: number, nowMs: number): string | undefined {
    if (byte !== probe[at]) return `${hexByte(byte)} where byte ${at} of the probe should be`;
    if (this.#frame.length < probe.length) return undefined;
    this.#frame = [];
    this.#isProbe = false;
    this.#probedAtMs = nowMs;
    return undefined;
  }

  #whole(type: number, sum: number, bytes: number[], nowMs: number): string | undefined {
    const payload = Buffer.from(bytes);
    const right = byteSum(payload);
    if (sum !== right) return this.#damaged(type, sum, right, payload, nowMs);
    const message = read(type, bytes);
    if (typeof message === 'string') return message;
    this.messages.push(message);
    return undefined;
  }

  #damaged(type: number, sum: number, right: number, payload: Buffer, nowMs: number): string | undefined {
    const complement = ~right >>> 0;
    if (this.#frames === 1 && type === 0x81 && sum === complement && this.#options.isHello?.(payload)) {
      this.hellos.push(payload);
      this.#greetedAtMs = nowMs;
      return undefined;
    }
    return `the checksum ${sum}, where ${right} is right: the message is dropped`;
  }

  #number(at: number): number {
    return Buffer.from(this.#frame.slice(at, at + 4)).readUInt32LE();
  }
}

/** The message of a payload, or why an original would not have sent it. */
function read(type: number, bytes: number[]): V2Message | string {
  const payload = Buffer.from(bytes);
  switch (type) {
    case 0x01:
      return bytes.length === 8 ? { type: 'int', value: signedInteger(bytes) } : `an int of ${bytes.length} bytes`;
    case 0x11: {
      const text = payload.toString('latin1');
      const value = readFloat(text);
      if (value === undefined || floatText(value) !== text) return `a float written ${JSON.stringify(text)}`;
      return { type: 'float', value };
    }
    case 0x21: {
      const value = payload.toString('utf8');
      return Buffer.from(value).equals(payload) ? { type: 'str', value } : 'a text that is not UTF-8';
    }
    default:
      return { type: 'bytes', value: payload };
  }
}
