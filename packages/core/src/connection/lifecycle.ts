/**
 * The life of a connection: dialled or accepted, up, lost, dialled again, closed. It has at most one link at a time.
 * What travels over it is not its matter.
 */

import type { Environment } from '../environment.js';
import { OptionError } from '../errors.js';
import type { Link } from '../link/link.js';
import type { LinkEnd } from '../link/link-end.js';
import type { LinkObserver } from '../link/link-host.js';
import type { WaitOptions } from '../options/wait-options.js';
import type { Role } from '../protocol/protocol.js';
import type { ProgressInfo } from '../protocol/resumable-session.js';
import { abortError, Deferred } from '../queue/deferred.js';
import { initialAttempt } from '../reconnect/backoff.js';
import { dial } from '../reconnect/dial.js';
import { Reconnector, type ReconnectSettings } from '../reconnect/reconnector.js';
import { type Security, securityOf } from '../security/security.js';
import type { Address } from '../transport/address.js';
import { firstLinkError } from '../transport/system-errors.js';
import type { Transport } from '../transport/transport.js';
import type { ChannelListener } from './channel-host.js';
import { closedError } from './connection-errors.js';
import type { CloseInfo, ConnectInfo } from './connection-events.js';
import type { ConnectionSettings } from './connection-options.js';
import { type ConnectionEvent, type ConnectionState, nextState } from './connection-state.js';
import type { LifecycleOwner } from './lifecycle-host.js';

export class Lifecycle implements ChannelListener, LinkObserver {
  readonly #settings: ConnectionSettings;
  readonly #security: Security | undefined;
  readonly #environment: Environment;
  readonly #owner: LifecycleOwner;
  /** Made when somebody waits for it. */
  #closed: Promise<void> | undefined;
  #resolveClosed: (() => void) | undefined;
  #state: ConnectionState = 'idle';
  #role: Role = 'client';
  #autoRestart: boolean;
  #address: Address | undefined;
  #link: Link | undefined;
  #endpoints: ConnectInfo | undefined;
  #ready: Deferred<void> | undefined;
  #dialAbort: AbortController | undefined;
  #reconnector: Reconnector | undefined;
  /** Whether messages could be exchanged once: until then, what fails is `connect`. */
  #wasReady = false;
  #attempt = 0;
  #connectedAtMs = 0;
  #connectedMs = 0;
  #linkEndedAtMs = 0;
  #closeTimer: unknown;
  /** Runs while the peer may come back by itself. */
  #resumeTimer: unknown;
  #closeInfo: CloseInfo | undefined;
  /** Why `close` was called, for the peer; and how the last link ended. */
  #closeReason = '';
  /** Whether a peer of a session that is away, or goes, may come back before it is closed. */
  #waitsForPeer = true;
  #lastEnd: LinkEnd | undefined;

  constructor(settings: ConnectionSettings, environment: Environment, owner: LifecycleOwner) {
    this.#settings = settings;
    this.#security = securityOf(settings);
    this.#environment = environment;
    this.#owner = owner;
    this.#autoRestart = settings.autoRestart;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get link(): Link | undefined {
    return this.#link;
  }

  /** The ends of the link, or of the last one there was. */
  get endpoints(): ConnectInfo | undefined {
    return this.#endpoints;
  }

  get closeInfo(): CloseInfo | undefined {
    return this.#closeInfo;
  }

  get #reconnectSettings(): ReconnectSettings {
    return { ...this.#settings, security: this.#security };
  }

  /** Time with a link, in milliseconds. */
  get connectedMs(): number {
    return this.#connectedMs + (this.#link ? this.#environment.clock.now() - this.#connectedAtMs : 0);
  }

  /** Whether it reconnects by itself. */
  get reconnects(): boolean {
    return this.#autoRestart;
  }

  /** Whether it is over, or will be as soon as what is queued is sent. */
  get ending(): boolean {
    return this.#state === 'closing' || this.#state === 'closed';
  }

  /** Dials, and resolves when messages can be exchanged. When it rejects, it may be called again. */
  async connect(address: Address, wait: WaitOptions): Promise<void> {
    if (this.ending) throw this.closedError('connect');
    if (this.#state !== 'idle') {
      throw new OptionError(`this connection is ${this.#state} already: make a new Connection for another peer`);
    }
    if (wait.signal?.aborted) throw abortError('connect', wait.signal);
    this.#move('dial');
    this.#address = address;
    const dialling = new AbortController();
    this.#dialAbort = dialling;
    const ready = new Deferred<void>(this.#environment.clock, 'connect', wait, (error) => {
      dialling.abort(error);
      this.#settleReady(error);
      this.destroyLink();
    });
    this.#ready = ready;
    dial(this.#environment, address, this.#reconnectSettings, dialling.signal).then(
      (transport) => {
        if (dialling.signal.aborted) transport.destroy();
        else this.#attach(transport);
      },
      (error) => {
        if (this.#ready === ready) this.#settleReady(error);
      },
    );
    try {
      await ready.promise;
    } catch (error) {
      if (this.state === 'connecting') this.#move('dial-failed');
      throw error;
    }
  }

  /** Takes a transport that a server accepted. */
  accept(transport: Transport): void {
    this.#role = 'server';
    this.#attach(transport);
  }

  /** Goes on over a link that another connection had: a peer that came back. */
  takeOver(give: () => Transport | undefined): boolean {
    if (this.#role !== 'server') return false;
    this.#link?.destroy('reset'); // nothing that comes late on it counts any more
    const waits = this.#state === 'reconnecting' || this.#state === 'closing';
    if (!waits || this.#link) return false; // it is over, or a listener has ended it
    const transport = give();
    if (transport === undefined) return false;
    this.#environment.clock.clearTimeout(this.#resumeTimer);
    this.#attach(transport);
    return true;
  }

  /** The link turned out to be another connection's: this one is over before anybody has seen it. */
  linkReleased(): void {
    this.#link = undefined;
    this.#finish('finished', 'local-close', undefined);
  }

  progress(info: ProgressInfo): void {
    this.#owner.progress(info);
  }

  stepDone(): void {
    this.#owner.stepped();
  }

  /** The link can exchange messages: `connect` has done its work. */
  channelReady(): void {
    if (this.#wasReady || !this.#link || this.#link.over || this.ending) return;
    this.#wasReady = true;
    this.#settleReady(undefined);
  }

  enableRestart(): void {
    if (this.ending) throw this.closedError('enableRestart');
    if (this.#role === 'server') {
      throw new OptionError('a connection that a server accepted cannot dial: enable auto restart at the client');
    }
    this.#autoRestart = true;
    this.#link?.reconnectsChanged();
  }

  disableRestart(): void {
    this.#autoRestart = false;
    this.#link?.reconnectsChanged();
    if (this.#state === 'reconnecting') this.#finish('link-lost', 'retries-exhausted', undefined);
  }

  /**
   * Begins to close. It is over when `idle` or the time-out ends that; without a link at once, unless a session has something left for a peer
   * that may come back.
   */
  close(reason = '', waitsForPeer = true): Promise<void> {
    this.#closeReason ||= reason;
    this.#waitsForPeer &&= waitsForPeer;
    const mayComeBack =
      this.#waitsForPeer && (this.ending || (this.#state === 'reconnecting' && this.#owner.unsettled));
    if (!this.#link && !mayComeBack) this.#finish('finished', 'local-close', undefined);
    if (this.#state === 'closed') return Promise.resolve();
    this.#closed ??= new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    if (this.#state === 'closing') return this.#closed;
    this.#move('close');
    this.#settleReady(this.closedError('connect'));
    this.#closeTimer = this.#environment.clock.setTimeout(() => this.#closeAtOnce(), this.#settings.closeTimeoutMs);
    return this.#closed;
  }

  /** Everything is sent: says goodbye. */
  idle(): void {
    if (this.#state === 'closing') this.#link?.end(this.#closeReason);
  }

  /** Closes at once. */
  destroy(error: Error | undefined): void {
    this.#autoRestart = false;
    this.#settleReady(this.closedError('connect'));
    this.destroyLink(error);
    this.#finish('finished', 'local-close', error);
  }

  /** The peer has asked for too much, and goes on with nothing. */
  evict(error: Error): void {
    if (this.#link) this.#link.destroy('protocol', error);
    else this.destroy(error);
  }

  destroyLink(error?: Error): void {
    this.#link?.abort(error);
  }

  /** It has had its time to close. */
  #closeAtOnce(): void {
    this.#link?.endNow(this.#closeReason);
    this.#finish('finished', 'local-close', undefined);
  }

  closedError(what: string): Error {
    return closedError(what, this.#closeInfo);
  }

  #attach(transport: Transport): void {
    const again = this.#state === 'reconnecting' || this.#state === 'closing';
    this.#move('link-up');
    this.#connectedAtMs = this.#environment.clock.now();
    const link = this.#owner.createLink(transport, this.#role, this);
    this.#link = link;
    const info = { local: transport.local, remote: transport.remote };
    this.#endpoints = info;
    if (again) {
      const downMs = this.#connectedAtMs - this.#linkEndedAtMs;
      this.#owner.reconnected({ ...info, attempts: this.#attempt, downMs });
    } else {
      this.#owner.connected(info);
    }
    if (this.#link === link) link.start(); // unless a listener has ended it
  }

  /** The link is gone. */
  linkEnded(end: LinkEnd): void {
    const now = this.#environment.clock.now();
    const upMs = now - this.#connectedAtMs;
    const progressed = this.#link?.progressed ?? false;
    this.#link = undefined;
    this.#linkEndedAtMs = now;
    this.#connectedMs += upMs;
    this.#owner.disconnected(end); // a listener may close, or enable auto restart
    if (this.#state === 'closed') return;
    const wasReady = this.#wasReady;
    if (!wasReady && this.#owner.hasArrivals) {
      // It said all that it had to say before it could be spoken to: the program gets that, and then the end.
      this.#wasReady = true;
      this.#settleReady(undefined);
    } else if (this.#state === 'connected' && !wasReady && this.#role === 'client') {
      this.#move('dial-failed');
      this.#settleReady(firstLinkError(end.error, this.#address as Address));
      this.#owner.linkLost();
      return;
    }
    this.#lastEnd = end;
    const mayGoOn =
      end.reason !== 'local-close' && (this.#state !== 'closing' || (this.#waitsForPeer && this.#owner.unsettled));
    if (mayGoOn && this.#role === 'server' && end.resumableMs > 0) {
      this.#awaitResume(end);
      return;
    }
    if (!mayGoOn || !this.#autoRestart) {
      this.#finish('link-lost', this.#state === 'closing' ? 'local-close' : end.reason, end.error);
      return;
    }
    this.#move('link-lost-restart');
    this.#attempt = initialAttempt(this.#attempt, upMs, progressed, this.#settings.reconnect);
    this.#reconnector ??= new Reconnector(this.#environment, this.#address as Address, this.#reconnectSettings, {
      retrying: (attempt, delayMs, error) => {
        this.#attempt = attempt;
        this.#owner.reconnecting({ attempt, delayMs, error });
      },
      connected: (transport) => this.#attach(transport),
      exhausted: (error) => this.#finish('link-lost', 'retries-exhausted', error),
    });
    this.#reconnector.inSession = end.resumableMs > 0;
    this.#reconnector.next(this.#attempt, end.error);
    this.#owner.linkLost(); // last: a listener of its warning may end the connection
  }

  /** The peer is gone, and may come back to its session. */
  #awaitResume({ reason, error, resumableMs }: LinkEnd): void {
    this.#move('link-lost-restart');
    this.#resumeTimer = this.#environment.clock.setTimeout(() => this.#finish('link-lost', reason, error), resumableMs);
    this.#owner.linkLost();
  }

  #finish(event: ConnectionEvent, reason: CloseInfo['reason'], error: Error | undefined): void {
    if (this.#state === 'closed') return;
    this.#move(event);
    this.#dialAbort?.abort();
    this.#reconnector?.stop();
    this.#environment.clock.clearTimeout(this.#closeTimer);
    this.#environment.clock.clearTimeout(this.#resumeTimer);
    const { clean, peerReason } = this.#lastEnd ?? {};
    this.#closeInfo = {
      reason,
      error,
      ...this.#owner.abandon(),
      clean: reason === 'local-close' || clean,
      peerReason,
    };
    this.#settleReady(this.closedError('connect'));
    this.#owner.closed(this.#closeInfo);
    this.#resolveClosed?.();
  }

  #settleReady(error: Error | undefined): void {
    const ready = this.#ready;
    this.#ready = undefined;
    if (error === undefined) ready?.resolve();
    else ready?.reject(error);
  }

  #move(event: ConnectionEvent): void {
    const next = nextState(this.#state, event);
    if (next === undefined) throw new Error(`serpy: ${event} cannot happen while ${this.#state}`);
    this.#state = next;
  }
}
