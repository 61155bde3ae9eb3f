/** A link at work: two ends, two directions, and what a cut does to them. */

import type { Clock } from './clock.js';
import { LiveDirection } from './direction.js';
import type { Link, LinkCut, LinkEnd, LinkEndReason } from './link.js';
import type { Address, Dial, Endpoint } from './net/endpoint.js';
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
  readonly dial: Dial;
  readonly over: (link: LiveLink, end: LinkEnd) => void;
  /** A function of the user's threw. */
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
  /** Why it will be over; the first reason counts. */
  #reason: LinkEnd | undefined;
  #isOver = false;
  /** What is to be done when this end has sent what was written. */
  #awaited: { readonly end: Endpoint; readonly act: () => void } | undefined;

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

  /** Does what the answer says. */
  start(): void {
    if (this.#reason) return; // cut by who was told of it
    const { answer, client, target, dial } = this.#options;
    if (answer === 'rst') {
      this.#reason = { reason: 'refused', error: undefined };
      client.reset();
    } else if (answer === 'tarpit') {
      this.#kill();
      this.down.lose(undefined);
      client.resume();
    } else {
      const end = dial(target, () => this.#connected(end));
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

  /** Gives both ends up. */
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
      cut: (how, behind) => this.#cut(name, how, behind),
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
      // The function that tells how frames are cut: what it was to do cannot be done, and a test must not go on without it.
      this.#reason ??= { reason: 'failed', error: error as Error };
      this.#reset();
      this.#options.failed(error as Error);
    }
  }

  #flushed(end: Endpoint, direction: LiveDirection): void {
    direction.flushed();
    if (this.#awaited?.end === end && end.bufferedBytes === 0) this.#doAwaited();
  }

  #doAwaited(): void {
    const awaited = this.#awaited;
    this.#awaited = undefined;
    awaited?.act();
  }

  #cut(name: 'up' | 'down', how: Exclude<CutHow, 'stall'>, behind: boolean): void {
    const { client } = this.#options;
    const [sender, receiver] = name === 'up' ? [client, this.#target] : [this.#target, client];
    if (how === 'half-close') {
      if (this.#isConnected) this.#halfClose(name, receiver);
      else this[name].apply({ cut: { atByte: 0, how } });
      return;
    }
    this.#reason ??= { reason: 'cut', error: undefined };
    if (how === 'rst' && behind && receiver && receiver.bufferedBytes > 0) {
      // A reset takes along what has not left yet, and the bytes before the cut are to arrive.
      this[name].die();
      this.#awaited = { end: receiver, act: () => this.#reset() };
    } else if (how === 'rst') {
      this.#reset();
    } else {
      this.#kill();
      if (how === 'half-open') sender?.reset();
      if (how === 'fin') for (const end of this.#open) end.end();
    }
    if (this.#isConnected) return;
    this.#target?.destroy(); // it need not come up any more
    client.resume(); // to see it leave
  }

  #halfClose(name: 'up' | 'down', receiver: Endpoint | undefined): void {
    this[name].die();
    receiver?.end();
  }

  #reset(): void {
    this.#kill();
    for (const end of this.#open) end.reset();
  }

  /** Nothing passes any more. */
  #kill(): void {
    this.up.die();
    this.down.die();
  }

  /** An end is gone. */
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
    from.lose(error);
    towards.die();
    if (this.#awaited?.end === end) this.#doAwaited();
    if (this.#open.size > 0 || this.#isOver) return;
    this.#isOver = true;
    this.#kill(); // and with it the timers
    this.#reason ??= { reason: 'ended', error: undefined };
    this.#options.over(this, this.#reason);
  }

  /** Once nothing more can pass in either direction, what is still open is ended; most often it is already. */
  #finish(): void {
    if (!this.up.isDone || !this.down.isDone) return;
    for (const end of this.#open) end.end();
  }
}
