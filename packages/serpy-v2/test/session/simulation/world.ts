/**
 * Bare sessions of both ends in a world that one seed decides: what is sent, what arrives when and in which slices, what breaks, who is
 * slow, who closes, dies and comes back. After every event the rules are looked at; in the end everything heals, and must have arrived.
 */
import { seededRandom } from 'serpy-core/testing';
import { SessionRegistry } from '../../../src/session/session-registry.js';
import type { SessionOptions } from '../../../src/v2-session.js';
import type { DecodedMessage } from '../../../src/values/values.js';
import { End, type Level, type Sending, type Surroundings } from './end.js';
import { lookAtEnd, lookAtServers, lookAtSession } from './look.js';
import { type Stream, Wire } from './stream.js';

/** What happened in a world; a rule that does not hold throws. */
export interface WorldReport {
  readonly events: number;
  readonly sent: number;
  readonly links: number;
  readonly resumes: number;
  /** By name, how often each event happened. */
  readonly counts: Readonly<Record<string, number>>;
}

const poolBytes = 1_000_000;
/** What messages are made of: no two places are alike. */
const pool = Buffer.from(Uint32Array.from({ length: poolBytes / 4 }, (_, i) => Math.imul(i + 1, 0x9e3779b1)).buffer);

const sizes = [8, 8, 20, 100, 1000, 4000, 5000, 70_000] as const;
const large = [262_144, 262_145, 300_000, 600_000] as const;
const smallestBytes = 8;

/** Events by name, and how likely each is beside the others. */
const likely: Readonly<Record<string, readonly [weight: number, times: readonly number[]]>> = {
  send: [28, [1, 1, 2]],
  deliver: [40, [1, 2]],
  deliverAll: [10, [0, 1, 1]],
  pass: [8, [1, 1, 2]],
  take: [10, [0, 1, 1, 2]],
  takeAll: [4, [0, 1, 1]],
  break: [1.5, [0, 1, 1, 4]],
  breakOneEnd: [1.5, [0, 1, 1, 4]],
  die: [0.5, [0, 0, 1, 4]],
  dieOneWay: [0.5, [0, 0, 1, 4]],
  damage: [1, [0, 0, 1, 4]],
  spoil: [2, [0, 1, 1, 4]],
  overheard: [0.5, [0, 0, 1]],
  close: [0.2, [0, 0, 1]],
  restart: [0.2, [0, 0, 1]],
  killClient: [0.2, [0, 0, 1]],
  forget: [0.2, [0, 0, 1]],
};

/** In so many, a world heals in bounded time: rounds in which all that is under way arrives and 250 ms pass. */
export const healingRounds = 400;
const roundMs = 250;
/** So often within a round the pipes are filled and emptied: some take a single record. */
const mostTurns = 3_000;
const mostSlices = 300;
const closeTimeoutMs = 30_000;
/** A resume window that no world lives to see the end of. */
const never = 1e7;

/** So long the system takes to find out that nobody is at the other end of a plain link. */
const keepAliveRounds = 80;

export class World implements Surroundings {
  nowMs = 1000;
  readonly pipeBytes: number;
  readonly #random: () => number;
  readonly #events: number;
  readonly #rounds: number;
  readonly #clientOptions: Partial<SessionOptions>;
  readonly #serverOptions: Partial<SessionOptions>;
  readonly #sizes: readonly number[];
  readonly #slice: number;
  readonly #weights: readonly (readonly [name: string, weight: number])[];
  readonly #weight: number;
  readonly #counts: Record<string, number> = {};
  readonly #ends: End[] = [];
  #living: End[] = [];
  #servers: End[] = [];
  #wires: Wire[] = [];
  #client: End;
  #sessions = new SessionRegistry<never>();
  readonly #sentIn = new Map<string, string[]>();
  readonly #taken = new Set<string>();
  /** What clients began with. */
  readonly #hellos: { readonly hello: Buffer; readonly wire: Wire }[] = [];
  #links = 0;
  #sent = 0;
  #calm = false;
  /** Whether something happened that ends a session, so that messages may be lost if their senders get a report. */
  #mayLose = false;

  /** @param rounds in which it must heal */
  constructor(seed: number, events: number, rounds = healingRounds) {
    this.#rounds = rounds;
    this.#random = seededRandom(Math.imul(seed, 0x9e3779b1) + 77);
    this.#events = events;
    const require = this.draw(4) > 0;
    this.#clientOptions = this.#drawOptions(require ? 'require' : 'prefer');
    this.#mayLose = this.#clientOptions.resumeWindowMs !== never; // it may end while a server does not answer
    this.#serverOptions = this.#drawOptions(require && this.draw(4) === 0 ? 'require' : 'prefer');
    this.pipeBytes = this.#pick([1, 500, 10_000, 1_000_000]);
    this.#sizes = this.draw(5) === 0 ? [...sizes, ...large] : sizes.slice(0, 3 + this.draw(sizes.length - 2));
    this.#slice = this.#pick([1, 30, 300, 5000, 1_000_000]);
    this.#weights = Object.entries(likely).map(([name, [weight, times]]) => [name, weight * this.#pick(times)]);
    this.#weight = this.#weights.reduce((sum, [, weight]) => sum + weight, 0);
    this.#client = this.#newClient();
  }

  run(): WorldReport {
    for (let event = 0; event < this.#events; event++) {
      const name = this.#drawEvent();
      this.#counts[name] = (this.#counts[name] ?? 0) + 1;
      this.#act(name);
      this.#look();
    }
    this.#heal();
    this.#judge();
    const resumes = this.#ends.reduce((sum, end) => sum + end.resumes, 0);
    return { events: this.#events, sent: this.#sent, links: this.#links, resumes, counts: this.#counts };
  }

  draw(below: number): number {
    return Math.floor(this.#random() * below);
  }

  randomBytes(count: number): Buffer {
    const bytes = Buffer.alloc(count);
    for (let at = 0; at + 4 <= count; at += 4) bytes.writeUInt32LE(this.draw(2 ** 32), at);
    return bytes;
  }

  sentIn(id: string, role: 'client' | 'server'): string[] {
    const key = role + id;
    let sent = this.#sentIn.get(key);
    if (sent === undefined) {
      sent = [];
      this.#sentIn.set(key, sent);
    }
    return sent;
  }

  arrived(end: End, { value, end: number }: DecodedMessage): void {
    if (typeof value !== 'string' && !Buffer.isBuffer(value)) throw new Error(`${end.name} received a ${typeof value}`);
    const { sender, n } = senderOf(value);
    const from = this.#ends[sender];
    if (from === undefined || from.role === end.role) throw new Error(`${end.name} received what nobody sent`);
    from.checker.received(end.name, value);
    const { reliableSession } = end;
    // Not of one that the session before has left.
    if (reliableSession === undefined || (number ?? 0) <= reliableSession.receiver.base) return;
    const sent = this.sentIn(end.sessionId, from.role);
    const delivered = end.deliveredIn.get(reliableSession) ?? 0;
    end.deliveredIn.set(reliableSession, delivered + 1);
    const expected = sent[delivered];
    const got = `${from.name} ${n}`;
    if (got !== expected) throw new Error(`${end.name} received ${got}, and ${expected} was next in the session`);
  }

  took({ value }: DecodedMessage): void {
    const { sender, n } = senderOf(value as Buffer | string);
    this.#taken.add(`${sender} ${n}`);
  }

  checkAcknowledged(end: End, { attempt, level, n, frame }: Sending): void {
    // At the peer it may yet wait for room in the queue.
    const isThere = this.#living.some((peer) => peer.holds(end, frame.endOffset));
    if (attempt.receivers.length === 0 && !isThere)
      throw new Error(`${end.name}: ${n} is acknowledged, and has not arrived`);
    if (level === 'consumed' && !this.#taken.has(`${this.#ends.indexOf(end)} ${n}`)) {
      throw new Error(`${end.name}: ${n} is said to be processed, and nobody has taken it`);
    }
  }

  linkLost(end: End): void {
    if (end.over) return;
    const { resumable } = end.session;
    const resumableMs = resumable?.resumableMs ?? 0;
    const unsettled =
      resumable !== undefined && resumableMs > 0 && (end.outbox.length > 0 || !resumable.allAcknowledged);
    if (end.closing && !unsettled) end.finish();
    else if (end.role === 'client') end.wakeMs = this.nowMs + this.draw(this.#calm || this.draw(4) > 0 ? 100 : 3000);
    else if (resumableMs > 0) end.wakeMs = this.nowMs + resumableMs;
    else end.finish();
  }

  #pick<R>(choices: readonly R[]): R {
    return choices[this.draw(choices.length)] as R;
  }

  #drawOptions(session: 'prefer' | 'require'): Partial<SessionOptions> {
    const [pingIntervalMs, peerTimeoutMs] = this.#pick([[1000, 3000] as const, [5000, 15_000] as const]);
    return {
      session,
      pingIntervalMs,
      peerTimeoutMs,
      resumeWindowMs: this.#pick([never, never, never, 20_000]),
      replayQueue: { maxMessages: this.#pick([1, 3, 70, 4096]), maxBytes: this.#pick([1, 9000, 500_000, 64_000_000]) },
      receiveQueue: {
        maxMessages: this.#pick([1, 2, 5, 100]),
        maxBytes: this.#pick([1, 9000, 500_000, 16_000_000]),
        whenFull: 'block',
      },
    };
  }

  #drawEvent(): string {
    let at = this.#random() * this.#weight;
    for (const [name, weight] of this.#weights) {
      at -= weight;
      if (at < 0) return name;
    }
    return 'deliver';
  }

  #act(name: string): void {
    switch (name) {
      case 'send':
        return this.#send();
      case 'deliver':
        return this.#deliver(this.#pick(this.#wires), 1 + this.draw(3000));
      case 'deliverAll':
        for (const wire of [...this.#wires]) this.#deliver(wire, 1 + this.draw(3) * 100_000);
        return;
      case 'pass':
        return this.#pass(this.#pick([0, 1, 20, 60, 110, 500, 500, 1100, 6000]), this.draw(4) === 0);
      case 'take':
        return this.#someone()?.take();
      case 'takeAll': {
        const end = this.#someone();
        while (end && end.inbox.length > 0) end.take();
        return;
      }
      case 'break':
        return this.#breakWire(this.#pick(this.#wires));
      case 'breakOneEnd':
        // The other end knows nothing of it: what is in flight to it still arrives, while this one may be back already.
        return this.#someone((end) => end.wire !== undefined)?.lose('unheard');
      case 'die':
        return this.#pick(this.#wires)?.die();
      case 'dieOneWay':
        return this.#anyStream()?.swallow();
      case 'damage':
        return this.#damage();
      case 'spoil':
        return this.#spoil();
      case 'overheard':
        return this.#connectAsThief();
      case 'close':
        return this.#close();
      case 'restart':
        return this.#restart();
      case 'killClient':
        this.#mayLose = true;
        this.#client.die();
        this.#client = this.#newClient();
        return;
      case 'forget':
        this.#mayLose = true;
        return this.#someServer((end) => end.wire === undefined)?.finish();
    }
  }

  #newClient(): End {
    const client = new End(`client ${this.#ends.length}`, 'client', this.#clientOptions, this);
    this.#add(client);
    client.wakeMs = this.nowMs;
    return client;
  }

  #add(end: End): void {
    this.#ends.push(end);
    this.#living = [...this.#living.filter(({ over }) => !over), end];
  }

  #connect(client: End): void {
    client.wakeMs = undefined;
    if (!this.#calm && this.draw(10) === 0) {
      client.wakeMs = this.nowMs + this.draw(2000); // nobody answers
      return;
    }
    const { wire } = this.#accept();
    client.attach(wire);
    this.#links++;
    const hello = wire.toServer.peek();
    if (hello.includes('serpy HELLO') && this.#hellos.length < 20) this.#hellos.push({ hello, wire });
  }

  #accept(): { readonly wire: Wire; readonly server: End } {
    const wire = new Wire();
    const server = new End(`server ${this.#ends.length}`, 'server', this.#serverOptions, this, this.#sessions);
    this.#add(server);
    this.#servers.push(server);
    this.#wires.push(wire);
    server.attach(wire);
    return { wire, server };
  }

  #holder(wire: Wire, role: 'client' | 'server'): End | undefined {
    for (const end of this.#living) if (end.wire === wire && end.role === role) return end;
    return undefined;
  }

  #deliver(wire: Wire | undefined, count: number): void {
    if (wire === undefined) return;
    const [stream, role] =
      this.draw(2) === 0 ? ([wire.toServer, 'server'] as const) : ([wire.toClient, 'client'] as const);
    this.#deliverTo(wire, stream, role, count);
  }

  #deliverTo(wire: Wire, stream: Stream, role: 'client' | 'server', count: number): void {
    const end = this.#holder(wire, role);
    if (end === undefined) {
      stream.truncate(0);
      return;
    }
    if (stream.bytes > 0) {
      if (end.inbox.length >= end.maxInbox && !end.on) return; // it has stopped reading
      this.#hear(end, wire, stream, count);
    } else if (stream.end !== undefined) {
      const how = stream.end;
      stream.end = undefined;
      stream.swallows = true;
      end.ended(how);
    }
  }

  /** Some bytes, in slices. */
  #hear(end: End, wire: Wire, stream: Stream, count: number): void {
    const slice = this.#calm ? count : this.#slice;
    for (let left = Math.min(count, stream.bytes, slice * mostSlices); left > 0; left -= slice) {
      const bytes = stream.take(Math.min(left, slice));
      wire.arrived();
      end.hear(bytes);
      if (end.wire !== wire || stream.bytes === 0) return;
    }
  }

  #send(): void {
    const end =
      this.draw(2) === 0 ? this.#client : this.#someServer((each) => each.session.resumable?.pendingTakeover !== true);
    if (end === undefined || end.over || end.closing || end.outbox.length > 4) return;
    const n = end.count;
    const level: Level = this.#pick([undefined, undefined, 'received', 'consumed']);
    this.#sent++;
    if (this.draw(6) === 0) {
      end.send(Buffer.alloc(0), `${n} ${this.#ends.indexOf(end)} ${'ä'.repeat(this.draw(50))}`, level);
      return;
    }
    const size = Math.max(smallestBytes, this.#pick(this.#sizes));
    const at = this.draw(poolBytes - size);
    const bytes = Buffer.from(pool.subarray(at, at + size));
    bytes.writeUInt32LE(n);
    bytes.writeUInt32LE(this.#ends.indexOf(end), 4);
    end.send(bytes, undefined, level);
  }

  /** Time passes: in the order of the deadlines, or all at once, as for a program that was busy. */
  #pass(ms: number, late: boolean): void {
    const untilMs = this.nowMs + ms;
    for (let fired = 0; ; fired++) {
      if (fired > 10_000) throw new Error('there is no end to the deadlines');
      const due = late ? undefined : this.#nextDeadlineMs();
      this.nowMs = Math.max(this.nowMs, Math.min(untilMs, due ?? untilMs));
      const end = this.#living.find(
        (each) => !each.over && (deadlineOf(each) ?? Number.POSITIVE_INFINITY) <= this.nowMs,
      );
      if (end === undefined) {
        if (this.nowMs >= untilMs) return;
        continue;
      }
      if (end.closeMs !== undefined && end.closeMs <= this.nowMs) end.finish();
      else if (end.wakeMs !== undefined && end.wakeMs <= this.nowMs) this.#wake(end);
      else end.tick();
    }
  }

  #wake(end: End): void {
    end.wakeMs = undefined;
    if (end.role === 'client') {
      this.#connect(end);
      return;
    }
    this.#mayLose = true; // its window is over
    end.finish();
  }

  #nextDeadlineMs(): number | undefined {
    let next: number | undefined;
    for (const end of this.#living) {
      const at = end.over ? undefined : deadlineOf(end);
      if (at !== undefined && (next === undefined || at < next)) next = at;
    }
    return next;
  }

  #someone(is: (end: End) => boolean = () => true): End | undefined {
    if (this.draw(2) === 0) return is(this.#client) ? this.#client : undefined;
    return this.#someServer(is);
  }

  #someServer(is: (end: End) => boolean): End | undefined {
    return this.#pick(this.#servers.filter((end) => !end.over && is(end)));
  }

  #anyStream(): Stream | undefined {
    const wire = this.#pick(this.#wires);
    return this.draw(2) === 0 ? wire?.toServer : wire?.toClient;
  }

  #breakWire(wire: Wire | undefined): void {
    if (wire === undefined) return;
    for (const stream of [wire.toServer, wire.toClient]) {
      stream.finish(this.#pick(['fin', 'reset'] as const), this.draw(2) * this.draw(stream.bytes + 1));
    }
  }

  #damage(): void {
    const stream = this.#anyStream();
    if (stream === undefined || stream.bytes === 0 || stream.carriesPlain) return;
    stream.damage(this.draw(stream.bytes), this.draw(8));
  }

  /** What no good network does: frames get lost, or come twice. */
  #spoil(): void {
    const wire = this.#pick(this.#wires);
    if (wire === undefined || [wire.toServer, wire.toClient].some((each) => each.plainOnly || each.carriesPlain))
      return;
    const stream = this.draw(2) === 0 ? wire.toServer : wire.toClient;
    stream.spoil(1 + this.draw(4), this.draw(2) === 0 ? 'lose' : 'repeat');
  }

  /** Somebody has overheard how a client came back, and says the same. */
  #connectAsThief(): void {
    const overheard = this.#pick(this.#hellos);
    if (overheard === undefined) return;
    const { toServer } = overheard.wire;
    if (toServer.arrivedBytes < overheard.hello.length || toServer.damaged) return; // it would be the first to say so
    const { wire, server } = this.#accept();
    wire.toClient.plainOnly = false;
    server.hear(Buffer.from(overheard.hello));
    const isIn = this.#servers.some((end) => end !== server && end.wire === wire);
    if (isIn) throw new Error('a thief is in a session with a HELLO that was used before');
    wire.die();
  }

  #close(): void {
    this.#mayLose = true;
    const end = this.#someone((each) => !each.closing);
    if (end === undefined) return;
    this.#closeEnd(end);
    if (end === this.#client) this.#client = this.#newClient();
  }

  #closeEnd(end: End): void {
    end.closing = true;
    end.closeMs = this.nowMs + closeTimeoutMs;
    const { resumable } = end.session;
    const unsettled =
      resumable !== undefined && resumable.resumableMs > 0 && (end.outbox.length > 0 || !resumable.allAcknowledged);
    if (end.wire !== undefined) end.pump();
    else if (!unsettled) end.finish();
  }

  /** The server's program is killed and started again. */
  #restart(): void {
    this.#mayLose = true;
    for (const server of this.#servers) if (!server.over) server.die();
    this.#sessions = new SessionRegistry<never>();
  }

  #look(): void {
    if (this.#living.some(({ over }) => over)) this.#living = this.#living.filter(({ over }) => !over);
    this.#servers = this.#servers.filter((end) => !end.over);
    this.#wires = this.#wires.filter((wire) => this.#holder(wire, 'server') || this.#holder(wire, 'client'));
    const most = (this.#sizes.at(-1) as number) + 70_000;
    lookAtEnd(this.#client, this.#clientOptions, most);
    lookAtServers(this.#servers);
    for (const server of this.#servers) {
      lookAtEnd(server, this.#serverOptions, most);
      const { reliableSession } = server;
      const client = this.#living.find(
        (end) => end.role === 'client' && reliableSession && end.reliableSession && end.sessionId === server.sessionId,
      );
      if (client) lookAtSession(client, server);
    }
  }

  /** No fault any more: everything that is under way arrives, everybody takes what is there. */
  #heal(): void {
    this.#calm = true;
    for (const wire of this.#wires) if (wire.toServer.lossy || wire.toClient.lossy) this.#breakWire(wire);
    for (let round = 0; round < this.#rounds; round++) {
      for (let turn = 0; turn === 0 || (turn < mostTurns && this.#wires.some(isBusy)); turn++) {
        this.#carry();
        if (turn === 0 && round === keepAliveRounds) this.#keepAlive();
        for (const end of this.#living) while (end.inbox.length > 0) end.take();
        for (const end of this.#living) end.pump();
      }
      this.#look();
      if (this.#isQuiet()) return;
      this.#pass(roundMs, false);
    }
    throw new Error(`it has not healed: ${this.#living.map((end) => end.describe()).join('; ')}`);
  }

  /** What is in flight arrives. */
  #carry(): void {
    for (const wire of [...this.#wires]) {
      this.#deliverTo(wire, wire.toServer, 'server', 1e9);
      this.#deliverTo(wire, wire.toClient, 'client', 1e9);
    }
  }

  /** TCP's: for links that are plain, as a session looks after its own. */
  #keepAlive(): void {
    for (const end of this.#living) {
      if (end.wire === undefined || end.on) continue;
      const peer = this.#holder(end.wire, end.role === 'client' ? 'server' : 'client');
      if (end.in.swallows || end.out.swallows || peer === undefined) end.lose('reset');
    }
  }

  /** Whether every message of who has a peer is where it belongs. */
  #isQuiet(): boolean {
    return this.#living.every((end) => {
      if (end.role === 'server' && end.wire === undefined) return true; // its client is gone
      if (end.wire === undefined || end.closing) return false;
      if (this.#holder(end.wire, end.role === 'client' ? 'server' : 'client') === undefined) return false;
      if (end.in.swallows || end.out.swallows) return false;
      const settled = end.session.resumable?.allAcknowledged ?? true;
      return end.outbox.length === 0 && settled && end.session.canSend && end.out.bytes === 0;
    });
  }

  #judge(): void {
    const server = this.#servers.find((end) => end.wire !== undefined && end.wire === this.#client.wire);
    const { on } = this.#client;
    this.#client.closing = true;
    this.#client.pump();
    const wire = this.#client.wire as Wire;
    this.#deliverTo(wire, wire.toServer, 'server', 1e9);
    if (server?.wire) this.#deliverTo(wire, wire.toServer, 'server', 1e9);
    if (on && server?.peerReason !== `${this.#client.name} is done`) {
      const ends = [this.#client, ...(server ? [server] : [])].map((end) => end.describe()).join('; ');
      throw new Error(`the server does not know that the end was meant: ${server?.peerReason} (${ends})`);
    }
    for (const end of this.#living) end.finish();
    if (this.#sessions.isResumable) throw new Error('a session outlives its connections');
    for (const { checker, name, dead, unknown } of this.#ends) {
      const faults = checker.verify({ allowMissing: 0 });
      if (faults.length > 0 && !dead) throw new Error(`${name}: ${faults.join('; ')}`);
      if (unknown > 0 && !this.#mayLose) {
        throw new Error(`${name}: ${unknown} messages are unknown, and nothing has ended the session`);
      }
    }
  }
}

function isBusy({ toServer, toClient }: Wire): boolean {
  return toServer.bytes > 0 || toClient.bytes > 0;
}

function deadlineOf(end: End): number | undefined {
  const session = end.wire !== undefined && !end.said ? end.session.deadlineMs : undefined;
  const never = Number.POSITIVE_INFINITY;
  const first = Math.min(session ?? never, end.wakeMs ?? never, end.closeMs ?? never);
  return first === never ? undefined : first;
}

/** Who sent a message, and which of his it is. */
function senderOf(value: Buffer | string): { readonly sender: number; readonly n: number } {
  if (typeof value === 'string') {
    const [n, sender] = value.split(' ');
    return { n: Number(n), sender: Number(sender) };
  }
  return { n: value.readUInt32LE(), sender: value.readUInt32LE(4) };
}
