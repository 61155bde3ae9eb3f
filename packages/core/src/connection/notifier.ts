/** Emits the events and warnings of a connection, and calls the server that accepted it. No listener runs while the session is at work. */
import type { EventEmitter } from 'node:events';
import { emitEvent } from '../diagnostics.js';
import type { Clock } from '../environment.js';
import { isSerpyError, ProtocolError, type SerpyErrorLike } from '../errors.js';
import type { LinkEnd } from '../link/link-end.js';
import type { ProgressInfo } from '../protocol/resumable-session.js';
import { unconfirmedError } from './connection-errors.js';
import type { CloseInfo, ConnectInfo, ReconnectInfo, ReconnectingInfo } from './connection-events.js';
import type { ServerHooks } from './connection-internals.js';

/** Maximum number of deferred warnings. Further ones are only counted, as a peer can cause any number. */
const maxDeferred = 16;

/** What the notifier reads at the end of a step. */
export interface StepState {
  /** Memory for partially received messages. */
  readonly partialBytes: number;
  /** Whether the link may still resume the session of another connection. */
  readonly pendingTakeover: boolean;
}

/** One object for everything: with a closure for each event and each hook, a connection took 1,000 bytes more. */
export class Notifier {
  readonly #connection: EventEmitter;
  readonly #clock: Pick<Clock, 'setImmediate'>;
  /** Of an accepted connection only. */
  #hooks: ServerHooks<EventEmitter> | undefined;
  /** Whether the server waits until it is known that the connection is a new one. */
  #identifying = false;
  #partialBytes = 0;
  #progress: ProgressInfo[] | undefined;
  #deferred: SerpyErrorLike[] | undefined;
  /** Number of warnings beyond `maxDeferred`. */
  #omitted = 0;
  #holding = false;
  /** Whether a program that awaited the connection has had time to add listeners. */
  #hadTurn = false;
  /** Codes of the warnings that were emitted on the process, as the connection had no listener. */
  #emittedOnProcess: Set<string> | undefined;

  constructor(connection: EventEmitter, clock: Pick<Clock, 'setImmediate'>) {
    this.#connection = connection;
    this.#clock = clock;
  }

  // Events.

  connected(info: ConnectInfo): void {
    emitEvent(this.#connection, 'connection', 'connect', info);
  }

  disconnected(end: LinkEnd): void {
    emitEvent(this.#connection, 'connection', 'disconnect', end);
    const isSystemError = end.reason === 'reset' && !isSerpyError(end.error);
    const expected = end.reason === 'local-close' || isSystemError || end.error === undefined;
    if (!expected) this.warn(end.error as SerpyErrorLike);
    if (end.unacknowledgedMessages > 0) this.warn(unconfirmedError(end));
  }

  reconnecting(info: ReconnectingInfo): void {
    emitEvent(this.#connection, 'connection', 'reconnecting', info);
  }

  reconnected(info: ReconnectInfo): void {
    emitEvent(this.#connection, 'connection', 'reconnect', info);
  }

  closed(info: CloseInfo): void {
    this.#hooks?.onClose(this.#connection);
    const rejection = this.#identifying ? this.#takeLastDeferred() : undefined;
    if (rejection) this.#hooks?.onRejected(this.#connection, rejection);
    emitEvent(this.#connection, 'connection', 'close', info);
  }

  /** Defers the event until the step of the session is done. */
  progress(info: ProgressInfo): void {
    if (this.#connection.listenerCount('progress') === 0) return;
    this.#progress ??= [];
    this.#progress.push(info);
  }

  /** The session has done a step: emits the deferred `progress` events and calls the server's hooks. */
  stepDone(state: StepState): void {
    const deferred = this.#progress;
    if (deferred !== undefined) {
      this.#progress = undefined;
      for (const info of deferred) emitEvent(this.#connection, 'connection', 'progress', info);
    }
    const hooks = this.#hooks;
    if (hooks === undefined) return;
    this.#reportPartialBytes(hooks, state.partialBytes);
    if (!this.#identifying || state.pendingTakeover) return;
    this.#identifying = false;
    hooks.onIdentified(this.#connection);
    this.#release();
  }

  // The server.

  /** A server has accepted the connection. */
  accepted<C>(hooks: ServerHooks<C>): void {
    this.#hooks = hooks as ServerHooks<unknown>;
  }

  identified(): void {
    this.#hooks?.onIdentified(this.#connection);
  }

  /** Calls `onIdentified` after a later step. Until then the program cannot add listeners, so warnings are deferred. */
  identifyLater(): void {
    this.#identifying = true;
    this.#holding = true;
  }

  #reportPartialBytes(hooks: ServerHooks<EventEmitter>, bytes: number): void {
    if (bytes === this.#partialBytes) return;
    this.#partialBytes = bytes;
    hooks.onPartialBytes(this.#connection, bytes);
  }

  // Warnings.

  /** Emits a warning now. Without a listener, emits the first warning of each code on the process. */
  warn(error: SerpyErrorLike): void {
    if (!this.#holding && !this.#hadTurn && this.#connection.listenerCount('warning') === 0) this.#holdForTurn();
    if (this.#holding) {
      this.deferWarning(error);
      return;
    }
    if (emitEvent(this.#connection, 'connection', 'warning', error) || this.#emittedOnProcess?.has(error.code)) return;
    this.#emittedOnProcess ??= new Set();
    this.#emittedOnProcess.add(error.code);
    process.emitWarning(error.message, { type: error.name, code: error.code });
  }

  /** Keeps a warning until `flushWarnings`. */
  deferWarning(error: SerpyErrorLike): void {
    if (this.#deferred === undefined) {
      this.#deferred = [];
      queueMicrotask(() => this.flushWarnings()); // a warning while a message is sent has no step behind it
    }
    if (this.#deferred.length === maxDeferred) {
      this.#deferred.pop(); // keeps the latest, which may be why the link ended
      this.#omitted++;
    }
    this.#deferred.push(error);
  }

  flushWarnings(): void {
    const deferred = this.#deferred;
    if (deferred === undefined || this.#holding) return;
    const omitted = this.#omitted;
    this.#deferred = undefined;
    this.#omitted = 0;
    for (const error of deferred) this.warn(error);
    if (omitted > 0) this.warn(omittedError(omitted));
  }

  /** No listener will ever be added. */
  #takeLastDeferred(): SerpyErrorLike | undefined {
    const last = this.#deferred?.at(-1);
    this.#deferred = undefined;
    return last;
  }

  #holdForTurn(): void {
    this.#holding = true;
    this.#clock.setImmediate(() => {
      if (this.#identifying) return; // no program knows of the connection yet: `stepDone` releases the warnings
      this.#hadTurn = true;
      this.#release();
    });
  }

  #release(): void {
    this.#holding = false;
    this.flushWarnings();
  }
}

function omittedError(count: number): ProtocolError {
  return new ProtocolError(`the peer caused ${count} further warnings, which are omitted`);
}
