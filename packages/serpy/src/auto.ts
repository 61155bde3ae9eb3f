/**
 * The protocol that is chosen at run time: a session that listens first, and then hands over to v1's or v2's.
 *
 * A server goes by the first bytes that come. A client asks with the probe, 14 bytes that a v1 server answers and a v2
 * server skips; silence means v2. A server that does not know either takes the probe for what it is, and answers v2.
 */
import { encodeNpy, isArrayValue } from 'serpy-arrays';
import {
  type LastingSession,
  OptionError,
  type Outgoing,
  type ProgressInfo,
  ProtocolError,
  type Received,
  type Role,
  type SerpyError,
  type Session,
  type SessionOutput,
  type StreamPart,
} from 'serpy-core';
import type { PortableMessage } from './messages.js';
import { probe, probeFill, v2Answer, v2Magic } from './probe.js';
import type { v1, v2 } from './protocols.js';
import type { PortableValue } from './values.js';

type V1 = v1.V1;
type V2 = v2.V2;
type V1Protocol = ReturnType<typeof v1.v1Protocol>;
type V2Protocol = ReturnType<typeof v2.v2Protocol>;

/** What `auto` adds to the options. */
export interface ProbeSetting {
  /** How long a client waits for a v1 server's answer before it takes the server for v2. Default 1,000. */
  readonly probeTimeoutMs: number;
}

/** A message on its way out, as far as it is known in which protocol: both, until then. */
export interface AutoOutgoing extends Outgoing {
  readonly v1: V1['outgoing'] | undefined;
  readonly v2: V2['outgoing'] | undefined;
}

/** A message of either protocol. */
export type AutoReceived = Received &
  (
    | { readonly protocol: 'v1'; readonly received: V1['received'] }
    | { readonly protocol: 'v2'; readonly received: V2['received']; readonly end: number }
  );

/** How long the rest of something that starts like a probe may take: an original v1 peer may have sent just its first block. */
const restOfProbeMs = 200;

/** How long a v2 server that has just spoken may take to read a probe: an original looks every 10 ms, and the probe may still be under way. */
const probeReadMs = 200;

export class AutoSession implements Session<PortableValue, object, AutoReceived, AutoOutgoing> {
  readonly #role: Role;
  readonly #output: SessionOutput<AutoOutgoing>;
  /** Parts of streams that wait for their acknowledgement. */
  readonly #parts = new WeakMap<object, AutoOutgoing>();
  readonly #probeTimeoutMs: number;
  readonly #v1: v1.V1Session;
  readonly #v2: v2.V2Session;
  /** Known once the peer has shown it. A client keeps it over reconnects. */
  #protocol: 'v1' | 'v2' | undefined;
  /** What came before it was known. */
  #start: Buffer = Buffer.alloc(0);
  #deadlineMs: number | undefined;
  #nowMs = 0;
  #warned = false;
  /** Whether a v2 server spoke before it answered the probe: an original may not have read that yet, and skips with it what follows at once. */
  #holds = false;

  constructor(
    role: Role,
    output: SessionOutput<AutoOutgoing>,
    first: V1Protocol,
    second: V2Protocol,
    probeTimeoutMs: number,
  ) {
    this.#role = role;
    this.#output = output;
    this.#probeTimeoutMs = probeTimeoutMs;
    const write = (piece: Uint8Array) => output.write(piece);
    const reserve = (bytes: number) => output.reserve(bytes);
    const allocate = (sizeBytes: number) => output.allocate(sizeBytes);
    const warn = (error: SerpyError, about?: 'bad-frame', count?: number) => output.warn(error, about, count);
    const { seat } = output;
    const randomBytes = (count: number) => output.randomBytes(count);
    const progress = (info: ProgressInfo) => output.progress(info);
    const both = {
      write,
      reserve,
      allocate,
      warn,
      // Only parts of streams wait: nobody can ask for an acknowledgement of a message that may go either way.
      acknowledged: (frame: V1['outgoing'] | V2['outgoing']) =>
        this.#settled(frame, (part) => output.acknowledged(part)),
      rejected: (frame: V1['outgoing'] | V2['outgoing'], error: SerpyError) =>
        this.#settled(frame, (part) => output.rejected(part, error)),
      progress,
      randomBytes,
      seat,
    };
    this.#v1 = first.createSession(role, both);
    this.#v2 = second.createSession(role, both);
  }

  get protocol(): 'v1' | 'v2' | undefined {
    return this.#protocol;
  }

  get canSend(): boolean {
    return this.#protocol !== undefined && !this.#holds && this.#session.canSend;
  }

  get lasting(): LastingSession | undefined {
    return this.#protocol === 'v1' ? undefined : this.#v2.lasting;
  }

  get deadlineMs(): number | undefined {
    const below = this.#protocol === 'v1' ? this.#v1.deadlineMs : this.#v2.deadlineMs;
    if (this.#deadlineMs === undefined) return below;
    return below === undefined ? this.#deadlineMs : Math.min(this.#deadlineMs, below);
  }

  get inFrame(): boolean {
    return this.#protocol === undefined ? this.#start.length > 0 : this.#session.inFrame;
  }

  get unfinishedBytes(): number {
    return this.#protocol === undefined ? 0 : this.#session.unfinishedBytes;
  }

  /** While the protocol is not known, a value must suit both. */
  encode(value: PortableValue): AutoOutgoing {
    const v1 =
      this.#protocol === 'v2' ? undefined : this.#v1.encode(isArrayValue(value) ? encodeNpy(value) : value, {});
    const v2 = this.#protocol === 'v1' ? undefined : this.#v2.encode(value);
    this.#warnLater();
    return { v1, v2, sizeBytes: Math.max(v1?.sizeBytes ?? 0, v2?.sizeBytes ?? 0), acknowledged: false };
  }

  encodePart(part: StreamPart): AutoOutgoing {
    if (this.#protocol === 'v1') throw noStreams();
    const v2 = this.#v2.encodePart(part);
    this.#warnLater();
    const outgoing = { v1: undefined, v2, sizeBytes: v2.sizeBytes, acknowledged: true, part };
    this.#parts.set(v2, outgoing);
    return outgoing;
  }

  /** What is to be sent waits for the first words of a client, and the program may not know what for. */
  #warnLater(): void {
    if (this.#protocol !== undefined || this.#role === 'client' || this.#warned) return;
    this.#deadlineMs ??= this.#nowMs + this.#probeTimeoutMs;
  }

  send(outgoing: AutoOutgoing, { v1, v2 } = outgoing): void {
    if (this.#protocol === 'v1' && v1 === undefined) this.#output.rejected(outgoing, noStreams());
    else if (this.#protocol === 'v1') this.#v1.send(v1 as V1['outgoing']);
    else this.#v2.send(v2 as V2['outgoing']);
  }

  hold({ v2 }: AutoOutgoing): void {
    if (v2) this.#v2.hold(v2);
  }

  forget({ v2 }: AutoOutgoing): void {
    if (v2) this.#v2.forget(v2);
  }

  get gathered(): boolean {
    return this.#v2.gathered;
  }

  flush(): void {
    this.#v2.flush();
  }

  up(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#start = Buffer.alloc(0);
    this.#v1.up(nowMs);
    // A client says nothing of v2 before it knows that the server speaks it.
    if (this.#role === 'server' || this.#protocol === 'v2') this.#v2.up(nowMs);
    if (this.#role === 'server' || this.#protocol !== undefined) return;
    this.#v1.ask();
    this.#output.write(probeFill);
    this.#deadlineMs = nowMs + this.#probeTimeoutMs;
  }

  lost(): void {
    this.#deadlineMs = undefined;
    this.#holds = false;
    this.#v1.lost();
    this.#v2.lost();
  }

  receive(chunk: Buffer, nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#protocol === undefined) this.#recognise(chunk);
    else this.#session.receive(chunk, nowMs);
  }

  keep(): void {
    if (this.#protocol !== undefined) this.#session.keep();
  }

  read(): AutoReceived | undefined {
    if (this.#protocol === 'v1') {
      const received = this.#v1.read();
      return received && { protocol: 'v1', received, sizeBytes: received.sizeBytes };
    }
    const received = this.#protocol && this.#v2.read();
    if (!received) return undefined;
    const { sizeBytes, end, part } = received;
    return { protocol: 'v2', received, sizeBytes, end, part };
  }

  ended(): SerpyError | undefined {
    return this.#protocol && this.#session.ended();
  }

  tick(nowMs: number, paused: boolean): void {
    this.#nowMs = nowMs;
    if (this.#protocol !== undefined) this.#session.tick(nowMs, paused);
    else if (this.#role === 'server') this.#v2.tick(nowMs);
    if (this.#deadlineMs === undefined || nowMs < this.#deadlineMs) return;
    this.#deadlineMs = undefined;
    if (this.#holds) this.#v2.up(nowMs);
    this.#holds = false;
    if (this.#protocol !== undefined) return;
    if (this.#role === 'client') {
      this.#choose('v2', this.#start);
    } else if (this.#start.length > 0) {
      this.#choose('v1', this.#start);
    } else {
      this.#warned = true;
      this.#output.warn(
        new ProtocolError(
          `the peer has said nothing for ${this.#probeTimeoutMs} ms, so its protocol is not known and nothing can be sent to it: ` +
            "say protocol: 'v1' or 'v2', or let the peer speak first",
        ),
      );
    }
  }

  #settled(frame: V1['outgoing'] | V2['outgoing'], tell: (part: AutoOutgoing) => void): void {
    const part = this.#parts.get(frame);
    this.#parts.delete(frame);
    if (part) tell(part);
  }

  get #session(): v1.V1Session | v2.V2Session {
    return this.#protocol === 'v1' ? this.#v1 : this.#v2;
  }

  /** Goes by the first bytes; a handful at most, so that joining them costs nothing. */
  #recognise(chunk: Buffer): void {
    this.#start = Buffer.concat([this.#start, chunk]); // a copy: the chunk is only lent
    const start = this.#start;
    if (isPrefix(start, this.#role === 'client' ? v2Answer : v2Magic)) return;
    if (startsWith(start, v2Magic)) {
      const answered = this.#role === 'client' && startsWith(start, v2Answer);
      const untilMs = Math.min(this.#deadlineMs ?? 0, this.#nowMs + probeReadMs);
      this.#holds = this.#role === 'client' && !answered;
      this.#choose('v2', answered ? start.subarray(v2Answer.length) : start);
      if (this.#holds) this.#deadlineMs = untilMs;
    } else if (this.#role === 'server' && startsWith(start, probe)) {
      this.#output.write(v2Answer);
      this.#choose('v2', start.subarray(probe.length));
    } else if (this.#role === 'server' && isPrefix(start, probe)) {
      this.#deadlineMs ??= this.#nowMs + restOfProbeMs;
    } else {
      this.#choose('v1', start);
    }
  }

  #choose(protocol: 'v1' | 'v2', start: Buffer): void {
    this.#protocol = protocol;
    this.#deadlineMs = undefined;
    this.#start = Buffer.alloc(0);
    if (protocol === 'v2' && this.#role === 'client' && !this.#holds) this.#v2.up(this.#nowMs);
    this.#session.receive(start, this.#nowMs);
  }
}

function startsWith(bytes: Buffer, pattern: Buffer): boolean {
  return bytes.length >= pattern.length && bytes.compare(pattern, 0, pattern.length, 0, pattern.length) === 0;
}

/** Whether bytes are a beginning of the pattern that is not whole yet. */
function isPrefix(bytes: Buffer, pattern: Buffer): boolean {
  return bytes.length < pattern.length && bytes.compare(pattern, 0, bytes.length) === 0;
}

/** Both protocols, as one. */
export function autoProtocol(
  first: V1Protocol,
  second: V2Protocol,
  { probeTimeoutMs }: ProbeSetting,
  message: { v1(received: V1['received']): PortableMessage; v2(received: V2['received']): PortableMessage },
) {
  return {
    name: 'auto',
    sendOptionNames: [],
    createSession: (role: Role, output: SessionOutput<AutoOutgoing>) =>
      new AutoSession(role, output, first, second, probeTimeoutMs),
    data: (each: AutoReceived) => (each.protocol === 'v1' ? first.data(each.received) : second.data(each.received)),
    message: (each: AutoReceived) => (each.protocol === 'v1' ? message.v1(each.received) : message.v2(each.received)),
  };
}

function noStreams(): OptionError {
  return new OptionError('a stream needs a session, and the peer speaks v1, which has none: send it as messages');
}
