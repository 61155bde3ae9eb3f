/** The proxy: listens, opens links, and applies faults to all of them. */
import { EventEmitter } from 'node:events';
import { FaultProxyError } from './errors.js';
import type { Link, LinkCut, LinkEnd } from './link.js';
import { LiveLink } from './live-link.js';
import type { Address, Endpoint } from './net/endpoint.js';
import { type Listener, tcpConnect, tcpListen } from './net/tcp.js';
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
  /** A client was accepted, and its plan is known. No byte has passed yet. */
  linkOpen: [link: Link];
  /** A link ended: both its connections are closed. */
  linkClose: [link: Link, end: LinkEnd];
  /** Your function `plan` or `frames` threw, a plan has a wrong option, or the system failed to accept a client. */
  error: [error: Error];
}

/** A proxy that has started, and therefore has an address. */
export type Started<P> = P & { readonly address: Address };

/**
 * Passes bytes between clients and a target, and injects faults.
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
  /** Serializes opening and closing the port. */
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

  /** The address it listens on, once started. With port 0 it has the port that the system chose. */
  get address(): Address | undefined {
    return this.#address;
  }

  /** The seed of all random choices. Pass it as the option `seed` to repeat the same faults. */
  get seed(): number {
    return this.#settings.seed;
  }

  /** The current links, in order of arrival. */
  get links(): Link[] {
    return [...this.#links];
  }

  /** The number of links so far. */
  get linkCount(): number {
    return this.#linkCount;
  }

  /** The target of new links whose plan names no target. */
  get target(): Address {
    return this.#target;
  }

  /** The plan for new links. Current links keep theirs. */
  get plan(): Plan {
    return this.#plan;
  }

  /** @throws `ERR_FAULT_PROXY_OPTION` */
  set plan(plan: Plan) {
    this.#plan = parsePlan(plan);
  }

  /**
   * Starts to listen and resolves with this proxy.
   * @throws `ERR_FAULT_PROXY_LISTEN` the port is in use or not permitted; `ERR_FAULT_PROXY_STATE` started twice, or closed
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
      throw stateError('start(): the proxy was closed before it listened');
    }
    this.#address = this.#listener.address;
    this.#state = 'listening';
    return this as Started<this>;
  }

  /** Sets faults of all current links, like `Link.apply`. @throws `ERR_FAULT_PROXY_OPTION` */
  apply(faults: Pick<LinkFaults, 'up' | 'down'>): void {
    for (const link of this.#links) link.apply(faults);
  }

  /** Ends all faults of all current links. */
  clear(): void {
    for (const link of this.#links) link.clear();
  }

  /** Stalls all current links, until `resume`. */
  stall(): void {
    for (const link of this.#links) link.stall();
  }

  /** Resumes all current links. */
  resume(): void {
    for (const link of this.#links) link.resume();
  }

  /** Cuts all current links. @throws `ERR_FAULT_PROXY_OPTION` */
  cut(how: LinkCut): void {
    for (const link of this.#links) link.cut(how);
  }

  /**
   * Sets the target of new links. If `cut` is given, cuts the current links, too.
   * @throws `ERR_FAULT_PROXY_OPTION`
   */
  switchTarget(target: Target, cut?: LinkCut): void {
    this.#target = parseTarget(target);
    if (cut !== undefined) this.cut(cut);
  }

  /**
   * Sets what happens to new clients. After `'refuse'` nothing listens; any other answer listens again on the same port.
   * @throws `ERR_FAULT_PROXY_LISTEN` another program uses the port; `ERR_FAULT_PROXY_STATE` not started, or closed; `ERR_FAULT_PROXY_OPTION`
   */
  async answer(how: Answer): Promise<void> {
    const answer = parseAnswer(how);
    if (this.#state !== 'listening') throw stateError('answer(): the proxy is not listening; call start() first');
    this.#answer = answer;
    const work = this.#acceptWork.then(() => this.#openOrCloseListener());
    this.#acceptWork = work.catch(() => {});
    await work;
  }

  /** Stops listening and destroys all links. Resolves when all of them are closed. */
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
      void this.#listener?.close(); // not awaited: it resolves when the links have ended, which may take long
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
      connect: tcpConnect,
      over: (ended, end) => {
        this.#links.delete(ended);
        this.emit('linkClose', ended, end);
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
