/** The proxy itself: listens, lays links, and does to all of them what is asked for. */
import { EventEmitter } from 'node:events';
import { FaultProxyError } from './errors.js';
import type { Link, LinkCut, LinkEnd } from './link.js';
import { LiveLink } from './live-link.js';
import type { Address, Endpoint } from './net/endpoint.js';
import { type Listener, tcpDial, tcpListen } from './net/tcp.js';
import {
  type Answer,
  type FaultProxyOptions,
  type LinkFaults,
  type LinkSettings,
  type Plan,
  type ProxySettings,
  parseAnswer,
  parseLink,
  parsePlan,
  parseProxy,
  parseTarget,
  type Target,
} from './options/options.js';

export interface FaultProxyEvents {
  /** A client was accepted, and its plan is known; no byte has passed yet. */
  linkOpen: [link: Link];
  /** A link is over: nothing of it is open any more. */
  linkClose: [link: Link, end: LinkEnd];
  /** A function of yours (`plan`, `frames`) threw, a plan has a wrong option, or the system failed to accept a client. */
  error: [error: Error];
}

/** A proxy that has started, and so has an address. */
export type Started<P> = P & { readonly address: Address };

/**
 * Stands between clients and a target, passes their bytes, and breaks things on the way.
 *
 * ```ts
 * await using proxy = await new FaultProxy({ target: { port: 5001 } }).start();
 * proxy.plan = (index) => (index === 0 ? { down: { cut: { atByte: 1000, how: 'rst' } } } : {});
 * const client = connect(proxy.address);
 * ```
 */
export class FaultProxy extends EventEmitter<FaultProxyEvents> {
  readonly #settings: ProxySettings;
  readonly #links = new Set<LiveLink>();
  #plan: Plan;
  #target: Address;
  #answer: Answer = 'pass';
  #state: 'new' | 'starting' | 'listening' | 'closed' = 'new';
  #address: Address | undefined;
  #listener: Listener | undefined;
  /** Opening and closing the port, one after the other. */
  #acceptWork: Promise<void> = Promise.resolve();
  #linkCount = 0;
  #closing: Promise<void> | undefined;

  /** @throws `ERR_FAULT_PROXY_OPTION` */
  constructor(options: FaultProxyOptions) {
    super();
    this.#settings = parseProxy(options);
    this.#plan = this.#settings.plan;
    this.#target = this.#settings.target;
  }

  /** Where it listens, once started: with port 0, the port that was found. */
  get address(): Address | undefined {
    return this.#address;
  }

  /** What chance starts from: give it as the option `seed` to have the same faults again. */
  get seed(): number {
    return this.#settings.seed;
  }

  /** The links there are now, in the order in which they arrived. */
  get links(): Link[] {
    return [...this.#links];
  }

  /** How many links there have been. */
  get linkCount(): number {
    return this.#linkCount;
  }

  /** Where new links lead, unless their plan says otherwise. */
  get target(): Address {
    return this.#target;
  }

  /** What is planned for new links. Those there are keep what they have. */
  get plan(): Plan {
    return this.#plan;
  }

  /** @throws `ERR_FAULT_PROXY_OPTION` */
  set plan(plan: Plan) {
    this.#plan = parsePlan(plan);
  }

  /**
   * Starts to listen and resolves with this proxy.
   * @throws `ERR_FAULT_PROXY_LISTEN` the port is in use or not allowed, `ERR_FAULT_PROXY_STATE` started twice, or closed
   */
  async start(): Promise<Started<this>> {
    if (this.#state !== 'new') throw stateError(`start(): the proxy ${this.#isClosed() ? 'is closed' : 'was started'}`);
    this.#state = 'starting';
    try {
      this.#listener = await this.#listen(this.#settings);
    } catch (error) {
      if (!this.#isClosed()) this.#state = 'new';
      throw error;
    }
    if (this.#isClosed()) {
      await this.#listener.close();
      throw stateError('start(): the proxy was closed meanwhile');
    }
    this.#address = this.#listener.address;
    this.#state = 'listening';
    return this as Started<this>;
  }

  /** Sets faults of all links there are, as `Link.apply`. @throws `ERR_FAULT_PROXY_OPTION` */
  apply(faults: Pick<LinkFaults, 'up' | 'down'>): void {
    for (const link of this.#links) link.apply(faults);
  }

  /** Ends all faults of all links there are. */
  clear(): void {
    for (const link of this.#links) link.clear();
  }

  /** Stalls all links there are, until `resume`. */
  stall(): void {
    for (const link of this.#links) link.stall();
  }

  resume(): void {
    for (const link of this.#links) link.resume();
  }

  /** Cuts all links there are. @throws `ERR_FAULT_PROXY_OPTION` */
  cut(how: LinkCut): void {
    for (const link of this.#links) link.cut(how);
  }

  /**
   * Another target, for new links; and for all, if those there are are cut with it.
   * @throws `ERR_FAULT_PROXY_OPTION`
   */
  switchTarget(target: Target, cut?: LinkCut): void {
    this.#target = parseTarget(target);
    if (cut !== undefined) this.cut(cut);
  }

  /**
   * What happens to clients that dial from now on. After `'refuse'` nothing listens; any other answer listens again on the same port.
   * @throws `ERR_FAULT_PROXY_LISTEN` somebody else has taken the port, `ERR_FAULT_PROXY_STATE` not started, or closed, `ERR_FAULT_PROXY_OPTION`
   */
  async answer(how: Answer): Promise<void> {
    const answer = parseAnswer(how);
    if (this.#state !== 'listening') throw stateError('answer(): the proxy is not listening: start() it first');
    this.#answer = answer;
    const work = this.#acceptWork.then(() => this.#openOrCloseListener());
    this.#acceptWork = work.catch(() => {});
    await work;
  }

  /** Stops listening and destroys all links. Resolves when nothing is left. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#state = 'closed';
    for (const link of this.#links) link.destroy('closed');
    await this.#acceptWork;
    await this.#listener?.close();
    while (this.#links.size > 0) await new Promise((resolve) => this.once('linkClose', resolve));
  }

  async #openOrCloseListener(): Promise<void> {
    if (this.#isClosed() || !this.#address) return;
    if (this.#answer === 'refuse') {
      void this.#listener?.close(); // it resolves when the links have ended, and that may take long
      this.#listener = undefined;
    } else {
      this.#listener ??= await this.#listen(this.#address);
    }
  }

  #listen(address: Address): Promise<Listener> {
    return tcpListen(
      address,
      (client) => this.#accept(client),
      (error) => this.emit('error', error),
    );
  }

  #accept(client: Endpoint): void {
    const index = this.#linkCount++;
    try {
      this.#openLink(client, index, this.#planOf(index));
    } catch (error) {
      client.reset();
      this.emit('error', error as Error);
    }
  }

  #planOf(index: number): LinkSettings {
    if (typeof this.#plan !== 'function') return parseLink(this.#plan, 'plan.');
    let planned: LinkFaults | undefined;
    try {
      planned = this.#plan(index);
    } catch (cause) {
      throw new FaultProxyError('ERR_FAULT_PROXY_CALLBACK', `the function plan threw for link ${index}: ${cause}`, {
        cause,
      });
    }
    return parseLink(planned ?? {}, `plan(${index}).`);
  }

  #openLink(client: Endpoint, index: number, { answer, target = this.#target, up, down }: LinkSettings): void {
    const { seed, clock, maxBufferedBytes } = this.#settings;
    const link = new LiveLink({
      index,
      client,
      target,
      answer: answer ?? (this.#answer === 'refuse' ? 'rst' : this.#answer),
      seed,
      clock,
      maxBufferedBytes,
      dial: tcpDial,
      over: (over, end) => {
        this.#links.delete(over);
        this.emit('linkClose', over, end);
      },
      failed: (error) => this.emit('error', error),
    });
    link.apply({ up, down });
    this.#links.add(link);
    this.emit('linkOpen', link);
    link.start();
  }

  #isClosed(): boolean {
    return this.#state === 'closed';
  }
}

function stateError(message: string): FaultProxyError {
  return new FaultProxyError('ERR_FAULT_PROXY_STATE', message);
}
