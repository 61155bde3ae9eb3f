/** A running link: two endpoints, two directions, and the effect of a cut on them. */

import type { Clock } from './clock.js';
import { LiveDirection } from './direction.js';
import type { Link, LinkCut, LinkEnd, LinkEndReason } from './link.js';
import type { Address, Connect, Endpoint } from './net/endpoint.js';
import type { CutHow } from './options/faults.js';
import { option } from './options/option.js';
import { type LinkAnswer, type LinkFaults, parseLive } from './options/options.js';
import { namedRandom } from './random.js';

export interface LinkOptions {
  readonly index: number;
  readonly client: Endpoint;
  readonly target: Address;
  readonly answer: LinkAnswer;
  readonly seed: number;
  readonly clock: Clock;
  readonly maxBufferedBytes: number;
  readonly connect: Connect;
  readonly over: (link: LiveLink, end: LinkEnd) => void;
  /** The user's function `frames` threw. */
  readonly failed: (error: Error) => void;
}

const linkCut = option.choice<LinkCut>(['fin', 'rst', 'stall', 'silent']);

export class LiveLink implements Link {
  readonly up: LiveDirection;
  readonly down: LiveDirection;
  readonly #options: LinkOptions;
  readonly #open = new Set<Endpoint>();
  #target: Endpoint | undefined;
  #isConnected = false;
  /** Why it will end. The first reason counts. */
  #reason: LinkEnd | undefined;
  #isOver = false;
  /** Runs `act` when this endpoint has sent all that was written. */
  #onSent: { readonly end: Endpoint; readonly act: () => void } | undefined;

  constructor(options: LinkOptions) {
    const { client } = options;
    this.#options = options;
    this.up = this.#createDirection('up');
    this.down = this.#createDirection('down');
    this.#open.add(client);
    client.attach({
      received: (bytes) => this.#receive(this.up, bytes),
      ended: () => this.up.end(),
      flushed: () => this.#flushed(client, this.down),
      closed: (error) => this.#lose(client, error),
    });
  }

  get index(): number {
    return this.#options.index;
  }

  get client(): Address {
    return this.#options.client.remote;
  }

  get target(): Address {
    return this.#options.target;
  }

  get isConnected(): boolean {
    return this.#isConnected && !this.#isOver;
  }

  get end(): LinkEnd | undefined {
    return this.#isOver ? this.#reason : undefined;
  }

  apply(faults: Pick<LinkFaults, 'up' | 'down'>): void {
    const { up, down } = parseLive(faults);
    if (up) this.up.apply(up);
    if (down) this.down.apply(down);
  }

  clear(): void {
    this.up.clear();
    this.down.clear();
  }

  stall(): void {
    this.up.stall();
    this.down.stall();
  }

  resume(): void {
    this.up.resume();
    this.down.resume();
  }

  cut(how: LinkCut): void {
    linkCut.parse(how, 'how');
    if (how === 'stall') this.stall();
    else this.#cut('up', how, false);
  }

  /** Answers the client as planned. */
  start(): void {
    if (this.#reason) return; // a listener of `linkOpen` cut it
    const { answer, client, target, connect } = this.#options;
    if (answer === 'rst') {
      this.#reason = { reason: 'refused', error: undefined };
      client.reset();
    } else if (answer === 'tarpit') {
      this.#kill();
      this.down.lost(undefined);
      client.resume();
    } else {
      const end = connect(target, () => this.#connected(end));
      this.#target = end;
      this.#open.add(end);
      end.attach({
        received: (bytes) => this.#receive(this.down, bytes),
        ended: () => this.down.end(),
        flushed: () => this.#flushed(end, this.up),
        closed: (error) => this.#lose(end, error),
      });
    }
  }

  /** Destroys both endpoints. */
  destroy(reason: LinkEndReason, error?: Error): void {
    this.#reason ??= { reason, error };
    this.#kill();
    for (const end of this.#open) end.destroy();
  }

  #createDirection(name: 'up' | 'down'): LiveDirection {
    const { seed, index, clock, maxBufferedBytes } = this.#options;
    return new LiveDirection({
      name,
      random: (stage) => namedRandom(seed, `${index}/${name}/${stage}`),
      clock,
      maxBufferedBytes,
      cut: (how, afterWritten) => this.#cut(name, how, afterWritten),
      done: () => this.#finish(),
    });
  }

  #connected(target: Endpoint): void {
    if (this.#reason) return;
    this.#isConnected = true;
    this.up.start(this.#options.client, target);
    this.down.start(target, this.#options.client);
  }

  #receive(direction: LiveDirection, bytes: Buffer): void {
    try {
      direction.receive(bytes);
    } catch (error) {
      // The user's function `frames` threw: its faults cannot happen, and the test must not continue without them.
      this.#reason ??= { reason: 'failed', error: error as Error };
      this.#reset();
      this.#options.failed(error as Error);
    }
  }

  #flushed(end: Endpoint, direction: LiveDirection): void {
    direction.flushed();
    if (this.#onSent?.end === end && end.bufferedBytes === 0) this.#runOnSent();
  }

  #runOnSent(): void {
    const onSent = this.#onSent;
    this.#onSent = undefined;
    onSent?.act();
  }

  #cut(name: 'up' | 'down', how: Exclude<CutHow, 'stall'>, afterWritten: boolean): void {
    const { client } = this.#options;
    const [sender, receiver] = name === 'up' ? [client, this.#target] : [this.#target, client];
    if (how === 'half-close') {
      if (this.#isConnected) this.#halfClose(name, receiver);
      else this[name].apply({ cut: { atByte: 0, how } });
      return;
    }
    this.#reason ??= { reason: 'cut', error: undefined };
    if (how === 'rst' && afterWritten && receiver && receiver.bufferedBytes > 0) {
      // A reset discards what has not left yet, but the bytes before the cut must arrive.
      this[name].die();
      this.#onSent = { end: receiver, act: () => this.#reset() };
    } else if (how === 'rst') {
      this.#reset();
    } else {
      this.#kill();
      if (how === 'half-open') sender?.reset();
      if (how === 'fin') for (const end of this.#open) end.end();
    }
    if (this.#isConnected) return;
    this.#target?.destroy(); // it is not needed any more
    client.resume(); // reads, to notice its end
  }

  #halfClose(name: 'up' | 'down', receiver: Endpoint | undefined): void {
    this[name].die();
    receiver?.end();
  }

  #reset(): void {
    this.#kill();
    for (const end of this.#open) end.reset();
  }

  /** Drops everything in both directions from now on. */
  #kill(): void {
    this.up.die();
    this.down.die();
  }

  /** The connection of an endpoint closed. */
  #lose(end: Endpoint, error: Error | undefined): void {
    this.#open.delete(end);
    const isClient = end === this.#options.client;
    const isRefusal = !isClient && !this.#isConnected && error !== undefined;
    if (isRefusal) {
      this.#reason ??= { reason: 'unreachable', error };
      this.#reset();
    } else if (error) {
      this.#reason ??= { reason: isClient ? 'client-reset' : 'target-reset', error };
    }
    if (isClient && !this.#isConnected) this.#target?.destroy();
    const [from, towards] = isClient ? [this.up, this.down] : [this.down, this.up];
    from.lost(error);
    towards.die();
    if (this.#onSent?.end === end) this.#runOnSent();
    if (this.#open.size > 0 || this.#isOver) return;
    this.#isOver = true;
    this.#kill(); // this cancels the timers, too
    this.#reason ??= { reason: 'ended', error: undefined };
    this.#options.over(this, this.#reason);
  }

  /** When nothing more can pass in either direction, ends what is still open; usually nothing is. */
  #finish(): void {
    if (!this.up.isDone || !this.down.isDone) return;
    for (const end of this.#open) end.end();
  }
}
