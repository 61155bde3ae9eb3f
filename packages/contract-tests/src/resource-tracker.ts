/** An environment that counts the used timers, transports and listeners, so that a test can find what was left behind. */

import type {
  Address,
  Clock,
  Dial,
  Environment,
  Listen,
  Listener,
  Transport,
  TransportHandler,
  WriteSlot,
} from 'serpy-core';

export class TrackedEnvironment implements Environment {
  readonly clock: Clock;
  readonly random: () => number;
  readonly dial: Dial;
  readonly listen: Listen;
  /** The violated rules of transports. */
  readonly violations: string[] = [];
  /** The number of connection attempts. */
  attempts = 0;
  readonly #timers = new Set<unknown>();
  readonly #transports = new Set<Transport>();
  readonly #listeners = new Set<Listener>();
  #pendingAttempts = 0;

  constructor(environment: Environment) {
    this.random = environment.random;
    this.clock = this.#watchClock(environment.clock);
    this.dial = async (options) => {
      this.attempts++;
      this.#pendingAttempts++;
      try {
        return this.#watch(await environment.dial(options));
      } finally {
        this.#pendingAttempts--;
      }
    };
    this.listen = async (options) => {
      const listener = await environment.listen({
        ...options,
        accept: (transport) => options.accept(this.#watch(transport)),
      });
      const watched = {
        address: listener.address,
        close: () => {
          this.#listeners.delete(watched);
          listener.close();
        },
      };
      this.#listeners.add(watched);
      return watched;
    };
  }

  /** What is still in use, as text. */
  get inUse(): string[] {
    const counts = {
      timers: this.#timers.size,
      transports: this.#transports.size,
      listeners: this.#listeners.size,
      attempts: this.#pendingAttempts,
    };
    return Object.entries(counts)
      .filter(([, count]) => count > 0)
      .map(([what, count]) => `${count} ${what}`);
  }

  #watchClock(clock: Clock): Clock {
    return {
      now: () => clock.now(),
      setTimeout: (callback, delayMs) => {
        const timer = clock.setTimeout(() => {
          this.#timers.delete(timer);
          callback();
        }, delayMs);
        this.#timers.add(timer);
        return timer;
      },
      clearTimeout: (timer) => {
        this.#timers.delete(timer);
        clock.clearTimeout(timer);
      },
      setImmediate: (callback) => clock.setImmediate(callback),
    };
  }

  #watch(transport: Transport): Transport {
    const watched = new TrackedTransport(transport, {
      closed: () => this.#transports.delete(watched),
      violated: (what) => this.violations.push(what),
    });
    this.#transports.add(watched);
    return watched;
  }
}

interface Tracker {
  closed(): void;
  violated(what: string): void;
}

class TrackedTransport implements Transport {
  readonly remote: Address;
  readonly local: Address;
  readonly #transport: Transport;
  readonly #watcher: Tracker;
  #ended = false;
  #destroyed = false;
  #closed = false;

  constructor(transport: Transport, watcher: Tracker) {
    this.#transport = transport;
    this.#watcher = watcher;
    this.remote = transport.remote;
    this.local = transport.local;
  }

  get unsentBytes(): number {
    return this.#transport.unsentBytes;
  }

  get flushedBytes(): number {
    return this.#transport.flushedBytes;
  }

  get writable(): boolean {
    return this.#transport.writable;
  }

  get encrypted(): boolean {
    return this.#transport.encrypted ?? false;
  }

  get identity(): string | undefined {
    return this.#transport.identity;
  }

  flush(): void {
    this.#transport.flush();
  }

  start(handler: TransportHandler): void {
    const check = (what: string) => {
      if (this.#closed) this.#watcher.violated(`${what} after closed`);
    };
    this.#transport.start({
      received: (chunk) => {
        check('received');
        handler.received(chunk);
      },
      drained: () => {
        check('drained');
        handler.drained();
      },
      get gathered() {
        return handler.gathered ?? false;
      },
      flushing: () => {
        check('flushing');
        handler.flushing?.();
      },
      ended: () => {
        check('ended');
        handler.ended();
      },
      closed: (error) => {
        check('closed');
        this.#closed = true;
        this.#watcher.closed();
        handler.closed(error);
      },
    });
  }

  write(piece: Uint8Array): void {
    if (this.#ended && !this.#destroyed && !this.#closed) this.#watcher.violated('write after end');
    this.#transport.write(piece);
  }

  reserve(bytes: number): WriteSlot {
    if (this.#ended && !this.#destroyed && !this.#closed) this.#watcher.violated('write after end');
    return this.#transport.reserve(bytes);
  }

  pause(): void {
    this.#transport.pause();
  }

  resume(): void {
    this.#transport.resume();
  }

  end(): void {
    this.#ended = true;
    this.#transport.end();
  }

  destroy(): void {
    this.#destroyed = true;
    this.#watcher.closed();
    this.#transport.destroy();
  }
}
