/** An instrument whose cable can be pulled: it closes its connections, refuses new ones for a time, and comes back at the same address. */
import { type ListenOptions, urlOf } from 'serpy';
import { type Clock, pause } from '../environment/context.js';
import { type Instrument, type Measure, startInstrument } from '../instruments/instrument.js';

export interface PluggableInstrument {
  readonly url: string;
  readonly port: number;
  /** Resolves when the cable is plugged in again; at once if it is pulled already. */
  pullCable(forMs: number): Promise<void>;
  stop(): Promise<void>;
}

export interface PluggableOptions {
  readonly protocol: 'v1' | 'v2';
  readonly measure: Measure;
  readonly rate: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Another program can use the port meanwhile. Then the instrument tries again after this time. */
const retryMs = 500;

export async function startPluggable({
  protocol,
  measure,
  rate,
  clock,
  signal,
}: PluggableOptions): Promise<PluggableInstrument> {
  let measured = 0;
  const start = (port: number): Promise<Instrument> =>
    startInstrument({
      listen: { protocol, port, closeTimeoutMs: 200 } satisfies ListenOptions,
      measure: () => measure(measured++), // continues after the last value before the cable was pulled
      rate,
      clock,
    });
  let instrument: Instrument | undefined = await start(0);
  const { address } = instrument;

  const plugIn = async () => {
    while (instrument === undefined && !signal.aborted) {
      instrument = await start(address.port).catch(() => undefined);
      if (instrument === undefined) await pause(clock, retryMs, signal);
    }
  };

  return {
    url: urlOf(protocol, address),
    port: address.port,
    async pullCable(forMs) {
      const pulled = instrument;
      if (pulled === undefined) return;
      instrument = undefined;
      await pulled.cut();
      await pause(clock, forMs, signal);
      await plugIn();
    },
    async stop() {
      await instrument?.stop();
    },
  };
}
