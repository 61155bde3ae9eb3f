/**
 * The states of a connection from its first link to its end: connects or accepts, reconnects, waits for a client that may resume, and closes.
 * A connection has at most one link at a time. Its channel exchanges the messages.
 */

import type { Environment } from '../environment.js';
import { OptionError } from '../errors.js';
import type { Link } from '../link/link.js';
import type { LinkEnd } from '../link/link-end.js';
import type { LinkObserver } from '../link/link-host.js';
import type { WaitOptions } from '../options/wait-options.js';
import type { Protocol, ProtocolTypes, Role } from '../protocol/protocol.js';
import { abortError, Deferred } from '../queue/deferred.js';
import { initialAttempt } from '../reconnect/backoff.js';
import { dial } from '../reconnect/dial.js';
import { Reconnector, type ReconnectSettings } from '../reconnect/reconnector.js';
import { type Security, securityOf } from '../security/security.js';
import type { Address } from '../transport/address.js';
import { firstLinkError } from '../transport/system-errors.js';
import type { Transport } from '../transport/transport.js';
import { Channel } from './channel.js';
import type { ChannelListener } from './channel-host.js';
import { closedError } from './connection-errors.js';
import type { CloseInfo, ConnectInfo } from './connection-events.js';
import type { ConnectionInternals, ServerHooks } from './connection-internals.js';
import type { ConnectionSettings } from './connection-options.js';
import { type ConnectionEvent, type ConnectionState, nextState } from './connection-state.js';
import type { Notifier } from './notifier.js';
import { mayAppear, waitedError, waitingError } from './server-wait.js';

export class Lifecycle implements ChannelListener, LinkObserver, ConnectionInternals {
  readonly channel: Channel;
  readonly #settings: ConnectionSettings;
  readonly #security: Security | undefined;
  readonly #environment: Environment;
  readonly #notifier: Notifier;
  /** Made by the first call of `close` that waits. */
  #closed: Promise<void> | undefined;
  #resolveClosed: (() => void) | undefined;
  #state: ConnectionState = 'idle';
  #role: Role = 'client';
  #autoRestart: boolean;
  #address: Address | undefined;
  #link: Link | undefined;
  #endpoints: ConnectInfo | undefined;
  #ready: Deferred<void> | undefined;
  #connectAbort: AbortController | undefined;
  #reconnector: Reconnector | undefined;
  /** Whether messages could ever be exchanged. Until then, a lost link fails `connect`. */
  #wasReady = false;
  #attempt = 0;
  #connectedAtMs = 0;
  #connectedMs = 0;
  #linkEndedAtMs = 0;
  #closeTimer: unknown;
  /** Ends the wait for a server that is not there yet. */
  #waitTimer: unknown;
  /** Why the last attempt of the first connection failed. */
  #waitCause: Error | undefined;
  /** Runs while the client may resume its session. */
  #resumeTimer: unknown;
  #closeInfo: CloseInfo | undefined;
  /** The `reason` given to `close`. */
  #closeReason = '';
  /** Whether a closing connection waits for a disconnected peer to resume its session. */
  #waitsForPeer = true;
  #lastEnd: LinkEnd | undefined;

  constructor(
    protocol: Protocol<ProtocolTypes>,
    settings: ConnectionSettings,
    environment: Environment,
    notifier: Notifier,
  ) {
    this.#settings = settings;
    this.#security = securityOf(settings);
    this.#environment = environment;
    this.#notifier = notifier;
    this.channel = new Channel(protocol, settings, environment, notifier, this);
    this.#autoRestart = settings.autoRestart;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get link(): Link | undefined {
    return this.#link;
  }

  /** The addresses of the current or the last link. */
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

  /** Time since the link began or, without one, since the last one ended. */
  get sinceMs(): number {
    if (this.#state === 'idle' || this.#state === 'connecting') return 0;
    return this.#environment.clock.now() - (this.#link ? this.#connectedAtMs : this.#linkEndedAtMs);
  }

  /** Whether this end reconnects when the link breaks. */
  get reconnects(): boolean {
    return this.#autoRestart;
  }

  /** Whether the connection is closing or closed. */
  get ending(): boolean {
    return this.#state === 'closing' || this.#state === 'closed';
  }

  /** Connects, and resolves when messages can be exchanged. If it rejects, it may be called again. */
  async connect(address: Address, wait: WaitOptions): Promise<void> {
    if (this.ending) throw this.closedError('connect');
    if (this.#state !== 'idle') {
      throw new OptionError(`this connection is ${this.#state} already: make a new Connection for another peer`);
    }
    if (wait.signal?.aborted) throw abortError('connect', wait.signal);
    this.#move('connect');
    this.#address = address;
    const attempt = new AbortController();
    this.#connectAbort = attempt;
    const ready = new Deferred<void>(this.#environment.clock, 'connect', wait, (error) => {
      attempt.abort(error);
      this.#settleReady(error);
      this.destroyLink();
    });
    this.#ready = ready;
    this.#limitWait(address);
    dial(this.#environment, address, this.#reconnectSettings, attempt.signal).then(
      (transport) => {
        if (attempt.signal.aborted) transport.destroy();
        else this.#attach(transport);
      },
      (error) => {
        if (this.#ready === ready) this.#firstFailed(error);
      },
    );
    try {
      await ready.promise;
    } catch (error) {
      if (this.state === 'connecting') this.#move('connect-failed');
      throw error;
    } finally {
      this.#environment.clock.clearTimeout(this.#waitTimer);
      if (!this.#wasReady) this.#stopReconnector();
    }
  }

  /** Starts the time of `waitForServer`. */
  #limitWait(address: Address): void {
    const { waitForServer } = this.#settings;
    this.#waitCause = undefined;
    this.#attempt = 0;
    if (typeof waitForServer !== 'number') return;
    this.#waitTimer = this.#environment.clock.setTimeout(() => {
      const error = waitedError(address, waitForServer, this.#waitCause);
      this.#connectAbort?.abort(error);
      this.#settleReady(error);
      this.destroyLink();
    }, waitForServer);
  }

  /** An attempt of the first connection failed: tries again if the program waits for the server. */
  #firstFailed(error: Error): void {
    if (this.#settings.waitForServer === false || this.#ready === undefined || !mayAppear(error)) {
      this.#settleReady(error);
      return;
    }
    if (this.#state === 'idle') this.#move('connect');
    const isFirst = this.#waitCause === undefined;
    this.#waitCause = error;
    this.#attempt++;
    this.#startReconnector().next(this.#attempt, error);
    if (isFirst) this.#notifier.warn(waitingError(this.#address as Address, error)); // last: a listener may close
  }

  /** Connects until a link is up. */
  #startReconnector(): Reconnector {
    this.#reconnector ??= new Reconnector(this.#environment, this.#address as Address, this.#reconnectSettings, {
      retrying: (attempt, delayMs, error) => {
        this.#attempt = attempt;
        if (this.#state === 'connecting') this.#waitCause = error;
        this.#notifier.reconnecting({ attempt, delayMs, error });
      },
      mayRetry: (error) => this.#state !== 'connecting' || mayAppear(error),
      connected: (transport) => this.#attach(transport),
      exhausted: (error) => {
        if (this.#state === 'connecting') this.#settleReady(error);
        else this.#finish('link-lost', 'retries-exhausted', error);
      },
    });
    return this.#reconnector;
  }

  #stopReconnector(): void {
    this.#reconnector?.stop();
    this.#reconnector = undefined;
  }

  accept<C>(transport: Transport, hooks: ServerHooks<C>): void {
    this.#role = 'server';
    this.#notifier.accepted(hooks);
    this.#attach(transport);
    if (this.channel.pendingTakeover) this.#notifier.identifyLater();
    else if (this.#state !== 'closed' || this.#hasArrivals) this.#notifier.identified();
  }

  get mayResume(): boolean {
    return (this.channel.resumable?.resumableMs ?? 0) > 0;
  }

  get isAway(): boolean {
    return this.#link === undefined;
  }

  /** Continues on the transport of another connection, over which the client has resumed the session of this one. */
  takeOver(release: () => Transport | undefined): boolean {
    if (this.#role !== 'server') return false;
    this.#link?.destroy('reset'); // data that arrives late on the old link is ignored
    const waits = this.#state === 'reconnecting' || this.#state === 'closing';
    if (!waits || this.#link) return false; // the connection is closed, perhaps by a listener
    const transport = release();
    if (transport === undefined) return false;
    this.#environment.clock.clearTimeout(this.#resumeTimer);
    this.#attach(transport);
    return true;
  }

  /** The link belongs to the session of another connection: this connection closes before the program has seen it. */
  linkReleased(): void {
    this.#link = undefined;
    this.#finish('finished', 'local-close', undefined);
  }

  /** Messages can be exchanged: `connect` resolves. */
  channelReady(): void {
    if (this.#wasReady || !this.#link || this.#link.over || this.ending) return;
    this.#wasReady = true;
    this.#settleReady(undefined);
  }

  enableRestart(): void {
    if (this.ending) throw this.closedError('enableRestart');
    if (this.#role === 'server') {
      throw new OptionError('a connection that a server accepted cannot reconnect: enable auto restart at the client');
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
   * Begins to close. Ends with `idle` or after `closeTimeoutMs`. Without a link, ends at once, unless the session has something left for a
   * peer that may resume it.
   */
  close(reason: string, waitsForPeer: boolean): Promise<void> {
    const closed = this.#beginClose(reason, waitsForPeer);
    if (this.#state === 'closing') this.channel.startClosing((what) => this.closedError(what));
    return closed;
  }

  #beginClose(reason: string, waitsForPeer: boolean): Promise<void> {
    this.#closeReason ||= reason;
    this.#waitsForPeer &&= waitsForPeer;
    const waitsForResume =
      this.#waitsForPeer && (this.ending || (this.#state === 'reconnecting' && this.channel.unsettled));
    if (!this.#link && !waitsForResume) this.#finish('finished', 'local-close', undefined);
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

  /** Everything is sent: closes the link. */
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

  evict(error: Error): void {
    if (this.#link) this.#link.destroy('protocol', error);
    else this.destroy(error);
  }

  destroyLink(error?: Error): void {
    this.#link?.abort(error);
  }

  /** `closeTimeoutMs` has passed. */
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
    const link = this.channel.createLink(transport, this.#role, this);
    this.#link = link;
    const info = { local: transport.local, remote: transport.remote };
    this.#endpoints = info;
    if (again) {
      const downMs = this.#connectedAtMs - this.#linkEndedAtMs;
      this.channel.reconnected();
      this.#notifier.reconnected({ ...info, attempts: this.#attempt, downMs });
    } else {
      this.#notifier.connected(info);
    }
    if (this.#link === link) link.start(); // unless a listener has closed it
  }

  linkEnded(end: LinkEnd): void {
    const now = this.#environment.clock.now();
    const upMs = now - this.#connectedAtMs;
    const progressed = this.#link?.progressed ?? false;
    this.#link = undefined;
    this.#linkEndedAtMs = now;
    this.#connectedMs += upMs;
    this.#notifier.disconnected(end); // a listener may close, or enable auto restart
    if (this.#state === 'closed') return;
    const wasReady = this.#wasReady;
    if (!wasReady && this.#hasArrivals) {
      // The peer sent messages and closed before this end could send: the program receives them, then the end.
      this.#wasReady = true;
      this.#settleReady(undefined);
    } else if (this.#state === 'connected' && !wasReady && this.#role === 'client') {
      this.#move('connect-failed');
      this.#firstFailed(firstLinkError(end.error, this.#address as Address));
      this.channel.linkLost();
      return;
    }
    this.#lastEnd = end;
    const mayContinue =
      end.reason !== 'local-close' && (this.#state !== 'closing' || (this.#waitsForPeer && this.channel.unsettled));
    if (mayContinue && this.#role === 'server' && end.resumableMs > 0) {
      this.#awaitResume(end);
      return;
    }
    if (!mayContinue || !this.#autoRestart) {
      this.#finish('link-lost', this.#state === 'closing' ? 'local-close' : end.reason, end.error);
      return;
    }
    this.#move('link-lost-restart');
    this.#attempt = initialAttempt(this.#attempt, upMs, progressed, this.#settings.reconnect);
    const reconnector = this.#startReconnector();
    reconnector.inSession = end.resumableMs > 0;
    reconnector.next(this.#attempt, end.error);
    this.channel.linkLost(); // last: a listener of its warning may end the connection
  }

  /** The client is disconnected, and may resume its session. */
  #awaitResume({ reason, error, resumableMs }: LinkEnd): void {
    this.#move('link-lost-restart');
    this.#resumeTimer = this.#environment.clock.setTimeout(() => this.#finish('link-lost', reason, error), resumableMs);
    this.channel.linkLost();
  }

  #finish(event: ConnectionEvent, reason: CloseInfo['reason'], error: Error | undefined): void {
    if (this.#state === 'closed') return;
    this.#move(event);
    this.#connectAbort?.abort();
    this.#reconnector?.stop();
    this.#environment.clock.clearTimeout(this.#closeTimer);
    this.#environment.clock.clearTimeout(this.#resumeTimer);
    const { clean, peerReason } = this.#lastEnd ?? {};
    this.#closeInfo = {
      reason,
      error,
      ...this.channel.abandon(),
      clean: reason === 'local-close' || clean,
      peerReason,
    };
    this.#settleReady(this.closedError('connect'));
    this.channel.close(this.#closeInfo);
    this.#notifier.closed(this.#closeInfo);
    this.#resolveClosed?.();
  }

  get #hasArrivals(): boolean {
    return this.channel.inbox.length > 0;
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
