/**
 * A strict model of the receiving half of a Python v2 peer: it reports the first byte that such a peer cannot process.
 * Written from the description of the wire; shares no code with the sources.
 */
import { byteSum, floatText, readFloat, signedInteger } from '../../packages/serpy-v2/test/oracle.js';
import { type Harm, hexByte } from './harm.js';

const magic = [0xde, 0xca, 0xfe, 0xca, 0xfe];
const probe = Buffer.from('\x01SETMODE0\x1f\x1f\x1f\x1f\x1f', 'latin1');
const headerBytes = 14;
const types = [0x01, 0x11, 0x21, 0x81];

/** 50 ms: no byte may follow a probe earlier. A Python peer polls its socket every 10 ms, and may still be processing. */
export const probeReadMs = 50;

export type V2Message =
  | { readonly type: 'int'; readonly value: bigint }
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'str'; readonly value: string }
  | { readonly type: 'bytes'; readonly value: Buffer };

export interface V2ReceiverOptions {
  /** Whether the probe of a client may come first; no byte may follow it for `probeReadMs`. Default false. */
  readonly probe?: boolean;
  /**
   * Detects the payload of a HELLO. A frame with a wrong checksum causes a warning at a Python peer, so only a HELLO may have one:
   * the first frame of a client, of type 81, with the complement of the right checksum. Default: there is no HELLO.
   */
  readonly isHello?: (payload: Buffer) => boolean;
  /** No byte may follow a HELLO earlier, because a Python peer does not answer it. Default 0. */
  readonly sessionTimeoutMs?: number;
}

export class V2Receiver {
  harm: Harm | undefined;
  /** The messages that the program received, in order. */
  readonly messages: V2Message[] = [];
  /** The payloads of the HELLOs that were dropped with a warning. */
  readonly hellos: Buffer[] = [];
  readonly #options: V2ReceiverOptions;
  #offset = 0;
  #frames = 0;
  /** The current frame or probe, and its length as far as known. */
  #frame: number[] = [];
  #frameBytes = headerBytes;
  #isProbe = false;
  /** The times at which the probe and the HELLO were complete. */
  #probedAtMs: number | undefined;
  #helloAtMs: number | undefined;
  /** When a probe began the connection: a client that was not answered then waits for less after its HELLO. */
  #firstProbeMs: number | undefined;

  constructor(options: V2ReceiverOptions = {}) {
    this.#options = options;
  }

  /** Processes bytes that were received at a time in milliseconds. */
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
      if (waitedMs < probeReadMs)
        return `${waitedMs} ms after the probe: bytes that are read with the probe are discarded`;
      this.#probedAtMs = undefined;
    }
    if (this.#helloAtMs !== undefined) {
      const waitedMs = nowMs - (this.#firstProbeMs ?? this.#helloAtMs);
      if (waitedMs < (this.#options.sessionTimeoutMs ?? 0)) return `${waitedMs} ms after a HELLO that is not answered`;
      this.#helloAtMs = undefined;
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
    this.#firstProbeMs = nowMs;
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
      this.#helloAtMs = nowMs;
      return undefined;
    }
    return `the checksum ${sum}, where ${right} is right: the message is dropped`;
  }

  #number(at: number): number {
    return Buffer.from(this.#frame.slice(at, at + 4)).readUInt32LE();
  }
}

/** The message of a payload, or the reason why a Python peer would not send it. */
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
