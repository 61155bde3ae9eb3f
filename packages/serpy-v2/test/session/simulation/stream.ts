/** One direction of a link in memory: bytes in flight, which arrive in whatever slices, or get lost, or are changed. */
import { headerBytes, magic } from '../../../src/wire/constants.js';

/** The types of frames that an original peer can take. */
const plainTypes = [0x01, 0x11, 0x21, 0x81];

export class Stream {
  #chunks: Buffer[] = [];
  /** In flight. */
  bytes = 0;
  /** How many have arrived. */
  arrivedBytes = 0;
  /** What comes behind the bytes. */
  end: 'fin' | 'reset' | undefined;
  /** Whether what is put in is lost without a word. */
  swallows = false;
  /** Whether plain messages were sent: their sum of bytes does not notice everything, so nothing is damaged here. */
  carriesPlain = false;
  damaged = false;
  /** Whether frames got lost on the way: nobody need notice that before the link ends. */
  lossy = false;
  /** Up to where the server's answer to HELLO goes. */
  welcomeEnd: number | undefined;
  #pushedBytes = 0;
  /** Whether only plain frames may pass: the peer has not been asked, or has not answered, yet. */
  plainOnly = true;
  #frameRest = 0;
  #frameHead: number[] = [];

  push(bytes: Buffer): void {
    if (this.plainOnly) this.#checkPlain(bytes);
    if (this.swallows || this.end !== undefined || bytes.length === 0) return;
    if (this.welcomeEnd === undefined) this.#findWelcome(bytes);
    this.#pushedBytes += bytes.length;
    this.#chunks.push(bytes);
    this.bytes += bytes.length;
  }

  #findWelcome(bytes: Buffer): void {
    const at = bytes.indexOf('serpy WELCO\n');
    if (at >= headerBytes) this.welcomeEnd = this.#pushedBytes + at + bytes.readUInt32LE(at - 4);
  }

  /** A copy of all that is in flight. */
  peek(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** The sender is gone; how much of what is in flight still arrives is a matter of luck. */
  finish(end: 'fin' | 'reset', keptBytes = Number.POSITIVE_INFINITY): void {
    if (this.end !== undefined || this.swallows) return;
    this.truncate(keptBytes);
    this.end = end;
  }

  truncate(keptBytes: number): void {
    if (keptBytes >= this.bytes) return;
    const kept = Buffer.concat(this.#chunks).subarray(0, keptBytes);
    this.#chunks = kept.length > 0 ? [kept] : [];
    this.bytes = kept.length;
  }

  /** Nothing arrives any more, without a report. */
  swallow(): void {
    this.swallows = true;
    this.truncate(0);
    this.end = undefined;
  }

  /** Takes out what arrives next: memory that nobody else has. */
  take(count: number): Buffer {
    const parts: Buffer[] = [];
    let missing = Math.min(count, this.bytes);
    const taken = missing;
    while (missing > 0) {
      const first = this.#chunks[0] as Buffer;
      if (first.length <= missing) {
        this.#chunks.shift();
        parts.push(first);
        missing -= first.length;
      } else {
        parts.push(first.subarray(0, missing));
        this.#chunks[0] = first.subarray(missing);
        missing = 0;
      }
    }
    this.bytes -= taken;
    this.arrivedBytes += taken;
    return Buffer.concat(parts);
  }

  /** Whole frames get lost on the way, or come twice; never those at the beginning, part of which may have arrived. */
  spoil(index: number, how: 'lose' | 'repeat'): void {
    const chunk = this.#chunks[index];
    if (index < 1 || chunk === undefined) return;
    if (how === 'lose') this.#chunks.splice(index, 1);
    else this.#chunks.splice(index, 0, Buffer.from(chunk));
    this.bytes += how === 'lose' ? -chunk.length : chunk.length;
    this.lossy ||= how === 'lose';
  }

  /** Flips one bit of what is in flight. */
  damage(at: number, bit: number): void {
    this.damaged = true;
    let index = at;
    for (const chunk of this.#chunks) {
      if (index < chunk.length) {
        chunk[index] = (chunk[index] as number) ^ (1 << bit);
        return;
      }
      index -= chunk.length;
    }
  }

  /** A HELLO is a bytes frame, whose checksum is wrong: it passes, as it does an original. */
  #checkPlain(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#frameRest > 0) {
        const skipped = Math.min(this.#frameRest, bytes.length - at);
        this.#frameRest -= skipped;
        at += skipped;
        continue;
      }
      this.#frameHead.push(bytes[at++] as number);
      if (this.#frameHead.length < headerBytes) continue;
      const head = Buffer.from(this.#frameHead);
      this.#frameHead = [];
      const type = head[magic.length] as number;
      if (!head.subarray(0, magic.length).equals(magic) || !plainTypes.includes(type)) {
        throw new Error(`a frame of type ${type.toString(16)} was sent before the answer to HELLO`);
      }
      this.#frameRest = head.readUInt32LE(10);
    }
  }
}

/** A link: two directions. */
export class Wire {
  readonly toServer = new Stream();
  readonly toClient = new Stream();

  /** Bytes have arrived: what may be sent in answer to them. */
  arrived(): void {
    if (this.toServer.arrivedBytes > 0) this.toClient.plainOnly = false;
    const { welcomeEnd } = this.toClient;
    if (welcomeEnd !== undefined && this.toClient.arrivedBytes >= welcomeEnd) this.toServer.plainOnly = false;
  }

  /** Both directions die without a word. */
  die(): void {
    this.toServer.swallow();
    this.toClient.swallow();
  }
}
