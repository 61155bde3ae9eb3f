/** A bridge: one instrument on one broker, in both directions. */
import { randomBytes } from 'node:crypto';
import { type Environment, systemEnvironment } from 'serpy-core';
import { type Hub, openHub, type Source, type SourceStatus } from 'serpy-hub';
import type { Broker } from './brokers/broker.js';
import { BrokerKeeper, type BrokerState } from './brokers/keep-connected.js';
import { MqttBroker } from './brokers/mqtt.js';
import { NatsBroker } from './brokers/nats.js';
import { Inbound } from './inbound.js';
import { type BridgeOptions, type BridgeSettings, bridgeSettings } from './options.js';
import { type About, AboutPublisher } from './outbound/about.js';
import { Outbox } from './outbound/outbox.js';
import { Publisher } from './outbound/publisher.js';
import { Warnings } from './outbound/warnings.js';

/** What is known about the connection to the broker. */
export interface BrokerStatus {
  /** Without user and password. */
  readonly url: string;
  readonly state: BrokerState;
  /** `'MQTT 5'`, `'MQTT 3.1.1'` or `'NATS'`. Undefined without a connection. */
  readonly protocol: string | undefined;
  readonly reconnects: number;
  /** Why there is no connection. */
  readonly problem: string | undefined;
}

/** Counts. `received` is the sum of published, skipped, refused, dropped and waiting. */
export interface BridgeStats {
  readonly instrument: SourceStatus;
  readonly broker: BrokerStatus;
  /** Messages of the instrument. */
  readonly received: number;
  /** Messages that the broker acknowledged. */
  readonly published: number;
  readonly publishedBytes: number;
  /** Arrays that newer ones replaced, because of `maxFps`. */
  readonly skipped: number;
  /** Arrays that were made smaller. They are published, too. */
  readonly binned: number;
  /** Messages that are too large, that have no form on a broker, or that the broker refused. */
  readonly refused: number;
  /** Messages that were dropped at the bounds of the buffer, or when the bridge closed. */
  readonly dropped: number;
  /** Messages without an acknowledgement, and their bytes. */
  readonly waiting: number;
  readonly waitingBytes: number;
  readonly inFlight: number;
  /** Commands that the instrument's connection accepted. */
  readonly commands: number;
  /** Requests with an answer of the instrument. */
  readonly requests: number;
  /** Commands and requests that failed. */
  readonly inboundRefused: number;
}

export type BridgeEnvironment = Pick<Environment, 'clock' | 'random'>;

/** The buffer between the connection to the instrument and the bridge, which reads at once. */
const intake = { policy: 'all', whenFull: 'drop-oldest', maxMessages: 10_000 } as const;

/**
 * Connects an instrument to a broker. Resolves when the options are accepted: both are connected in the background, and again whenever a
 * connection ends.
 * @throws `ERR_SERPY_OPTION`, `ERR_SERPY_INSECURE`
 */
export async function openBridge(
  options: BridgeOptions,
  environment: BridgeEnvironment = systemEnvironment,
): Promise<Bridge> {
  return await Bridge.open(options, environment);
}

export class Bridge {
  readonly name: string;
  readonly #settings: BridgeSettings;
  readonly #hub: Hub;
  readonly #environment: BridgeEnvironment;
  readonly #warnings: Warnings;
  readonly #about: AboutPublisher;
  readonly #outbox: Outbox;
  readonly #publisher: Publisher;
  readonly #inbound: Inbound;
  readonly #keeper: BrokerKeeper;
  readonly #onChange: (() => void) | undefined;
  #source: Source | undefined;
  #intakeDropped: () => number = () => 0;
  #reading: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  /** Use `openBridge`. */
  private constructor(settings: BridgeSettings, options: BridgeOptions, hub: Hub, environment: BridgeEnvironment) {
    const { clock, random } = environment;
    const { name, topics, commands, requests, unit } = settings;
    this.name = name;
    this.#settings = settings;
    this.#hub = hub;
    this.#environment = environment;
    this.#onChange = options.onChange;
    this.#warnings = new Warnings(clock, (error) => options.onWarning?.(error));
    const about: About = {
      name,
      online: false,
      reason: 'the instrument is not connected',
      ...(unit !== undefined && { unit }),
      topics: {},
      ...(commands !== undefined && { commands }),
      ...(requests !== undefined && { requests }),
    };
    this.#about = new AboutPublisher(topics.about, about, clock, (error) => this.#warnings.add(error));
    this.#outbox = new Outbox(settings.buffer, { onDropped: (error, count) => this.#warnings.add(error, count) });
    this.#publisher = new Publisher({
      settings,
      clock,
      about: this.#about,
      outbox: this.#outbox,
      warnings: this.#warnings,
      run: randomBytes(8).toString('hex'),
    });
    this.#inbound = new Inbound(settings, {
      clock,
      connection: () => this.#source?.connection,
      onRefused: (error) => this.#warnings.add(error),
    });
    this.#keeper = new BrokerKeeper(this.#broker(), {
      clock,
      random,
      linkOptions: () => ({
        window: settings.maxInFlight,
        will: this.#about.will(),
        subscriptions: this.#inbound.subscriptions,
        onArrival: (arrival) => this.#inbound.receive(arrival),
      }),
      onUp: (link) => {
        this.#about.attach(link);
        this.#outbox.attach(link);
      },
      onDown: () => {
        this.#about.detach();
        this.#outbox.detach();
      },
      onChange: () => this.#onChange?.(),
    });
  }

  /** Use `openBridge`. */
  static async open(options: BridgeOptions, environment: BridgeEnvironment): Promise<Bridge> {
    const settings = bridgeSettings(options);
    const hub = await openHub({}, environment);
    let bridge: Bridge | undefined;
    try {
      bridge = new Bridge(settings, options, hub, environment);
      await bridge.#read(options);
      return bridge;
    } catch (error) {
      if (bridge) await bridge.#keeper.close();
      await hub.close();
      throw error;
    }
  }

  stats(): BridgeStats {
    const { state, problem, reconnects, link } = this.#keeper;
    const [outbox, publisher, inbound] = [this.#outbox, this.#publisher, this.#inbound];
    const lostBefore = this.#intakeDropped();
    return {
      instrument: (this.#source as Source).status(),
      broker: { url: this.#settings.broker.url, state, problem, reconnects, protocol: link?.protocol },
      received: publisher.received + lostBefore,
      published: outbox.published,
      publishedBytes: outbox.publishedBytes,
      skipped: publisher.skipped,
      binned: publisher.binned,
      refused: publisher.refused + outbox.refused,
      dropped: outbox.dropped + lostBefore,
      waiting: outbox.length + publisher.waiting,
      waitingBytes: outbox.bytes,
      inFlight: outbox.inFlight,
      commands: inbound.commands,
      requests: inbound.requests,
      inboundRefused: inbound.refused,
    };
  }

  /** What the bridge says about the instrument on the broker. */
  get about(): About {
    return this.#about.current;
  }

  /** Closes the connections, after the broker had `closeTimeoutMs` to acknowledge what waits. What it did not is dropped and reported. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#hub.close();
    await this.#reading;
    const work = Promise.all([this.#inbound.close(), this.#outbox.idle()]);
    await this.#within(this.#keeper.link ? this.#settings.closeTimeoutMs : 0, work);
    const ending = this.#about.end({ online: false, reason: 'the bridge was closed' });
    await this.#within(this.#keeper.link ? Math.min(1000, this.#settings.closeTimeoutMs) : 0, ending);
    this.#outbox.clear();
    await this.#keeper.close();
    this.#warnings.flush();
  }

  async #read(options: BridgeOptions): Promise<void> {
    const consumer = this.#hub.consume({ ...intake, maxBytes: this.#settings.buffer.maxBytes });
    this.#intakeDropped = () => consumer.stats().dropped;
    this.#hub.onChange((source) => this.#follow(source));
    this.#reading = this.#publisher.run(consumer);
    this.#source = await this.#hub.add(this.#settings.name, options.source);
    this.#follow(this.#source);
  }

  /** Tells the broker whether the instrument is there. */
  #follow(source: Source): void {
    if (this.#closing) return;
    const { state, url, problem } = source.status();
    const online = state === 'connected' || state === 'values';
    const reason = online
      ? {}
      : { reason: `the instrument is not connected${problem === undefined ? '' : `: ${problem}`}` };
    this.#about.change({ online, ...(url !== undefined && { url }), ...reason });
    this.#onChange?.();
  }

  #broker(): Broker {
    const { broker, topics } = this.#settings;
    const { clock } = this.#environment;
    return broker.kind === 'mqtt' ? new MqttBroker(broker, clock) : new NatsBroker(broker, topics, clock);
  }

  async #within(timeoutMs: number, work: Promise<unknown>): Promise<void> {
    const { clock } = this.#environment;
    let timer: unknown;
    const timeout = new Promise<void>((resolve) => {
      timer = clock.setTimeout(resolve, timeoutMs);
    });
    await Promise.race([work, timeout]);
    clock.clearTimeout(timer);
  }
}
