/** The experiment of the demo: two instruments, a client for each, and what the clients receive. */
import { connect, type PortableConnection } from 'serpy';
import { decodeNpy, encodeNpy } from 'serpy-arrays';
import type { RecordingWriter } from 'serpy-recording';
import type { Clock } from '../environment/context.js';
import { formatBytes, formatCount } from '../format.js';
import { camera } from '../instruments/camera.js';
import { counter } from '../instruments/counter.js';
import type { LinkView, View } from './layout.js';
import { startPluggable } from './pluggable-instrument.js';
import { createRates } from './rates.js';
import type { Image } from './thumbnail.js';

export interface Experiment {
  /** The current figures. */
  view(): Omit<View, 'command'>;
  readonly image: Image | undefined;
  pullCable(): void;
  /** Sets the status line. */
  setStatus(line: string): void;
  /** Also records all messages from now on; undefined stops that. */
  recordInto(recorder: RecordingWriter | undefined): void;
  stop(): Promise<void>;
}

export const imageSize = { width: 320, height: 240 } as const;
const imagesPerSecond = 25;
const countsPerSecond = 100;
const meanCounts = 4000;

/** The time that the cable is pulled. */
const cableOutMs = 2000;

/** Counts per bar of the sparkline, and number of bars: more than fit on a screen. */
const countsPerBar = 20;
const maxBars = 400;

/** Short delays, because both instruments are in this program and accept a new connection at once. */
const client = {
  reconnect: { minDelayMs: 200, baseDelayMs: 100, maxDelayMs: 500 },
  receiveQueue: { maxMessages: 50, whenFull: 'drop-oldest' },
} as const;

export async function startExperiment(clock: Clock, seed: number, signal: AbortSignal): Promise<Experiment> {
  const { width, height } = imageSize;
  const frame = camera({ width, height, dtype: 'uint16', noise: 1, seed });
  const measureImage = (n: number) => encodeNpy({ data: frame(n), shape: [height, width] });
  const measureCount = counter({ meanCounts, noise: 1, seed }).count;
  const instruments = await Promise.all([
    startPluggable({ protocol: 'v2', measure: measureImage, rate: imagesPerSecond, clock, signal }),
    startPluggable({ protocol: 'v1', measure: measureCount, rate: countsPerSecond, clock, signal }),
  ]);
  const [cameraAt, counterAt] = instruments;
  const cameraLink = await connect({ ...client, protocol: 'v2', port: cameraAt.port }, { signal });
  const counterLink = await connect({ ...client, protocol: 'v1', port: counterAt.port }, { signal });

  let image: Image | undefined;
  let status = `the camera is at ${cameraAt.url}, the counter at ${counterAt.url}`;
  let recorder: RecordingWriter | undefined;
  let bar: number[] = [];
  const bars: number[] = [];
  let recent: number[] = [];

  const setStatus = (line: string) => {
    status = line;
  };
  const record = (message: { type: string; value: unknown }) => {
    try {
      if (recorder && !recorder.add(message)) recorder = undefined;
    } catch (error) {
      recorder = undefined; // the recording has ended
      setStatus((error as Error).message);
    }
  };

  const watchCamera = async () => {
    for await (const message of cameraLink.messages()) {
      record({ type: 'bytes', value: message.bytes() });
      image = { data: decodeNpy(message.bytes()).data as ArrayLike<number>, width, height };
    }
  };
  const watchCounter = async () => {
    for await (const message of counterLink.messages()) {
      const count = Number(message.number());
      record({ type: 'int', value: count });
      recent = [...recent.slice(1 - countsPerSecond), count];
      bar.push(count);
      if (bar.length < countsPerBar) continue;
      bars.push((mean(bar) ?? 0) * countsPerSecond);
      bar = [];
      if (bars.length > maxBars) bars.shift();
    }
  };
  const watching = Promise.all([watchCamera(), watchCounter()]);

  reportReconnects('camera', cameraLink, setStatus);
  const cameraView = createLinkView(cameraLink, cameraAt.url, clock);
  const counterView = createLinkView(counterLink, counterAt.url, clock);

  return {
    get image() {
      return image;
    },
    view: () => ({
      camera: cameraView(),
      counter: counterView(),
      image,
      countRates: bars,
      countRate: (mean(recent) ?? 0) * countsPerSecond,
      status,
      recording: recorder && `${formatCount(recorder.messages)}, ${formatBytes(recorder.bytes)}`,
    }),
    pullCable() {
      setStatus(`the cable is pulled for ${cableOutMs / 1000} s, and the client reconnects by itself`);
      for (const each of instruments) void each.pullCable(cableOutMs);
    },
    setStatus,
    recordInto: (next) => {
      recorder = next;
    },
    async stop() {
      for (const link of [cameraLink, counterLink]) link.destroy();
      await Promise.all([watching, ...instruments.map((each) => each.stop())]);
    },
  };
}

function reportReconnects(name: string, link: PortableConnection, setStatus: (line: string) => void): void {
  link.on('reconnect', ({ downMs, attempts }) => {
    const times = attempts === 1 ? '1 attempt' : `${attempts} attempts`;
    setStatus(`the ${name} is back: reconnected after ${(downMs / 1000).toFixed(1)} s, ${times}`);
  });
}

/** The figures of a connection, with rates. */
function createLinkView(link: PortableConnection, url: string, clock: Clock): () => LinkView {
  const rates = createRates();
  return () => {
    const { messagesReceived, bytesReceived, receiveQueueMessages, droppedReceiving, reconnects } = link.stats();
    return {
      ...rates.update(clock.now(), { messages: messagesReceived, bytes: bytesReceived }),
      state: link.state,
      url,
      queue: receiveQueueMessages,
      drops: droppedReceiving,
      reconnects,
      received: messagesReceived,
    };
  };
}

function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}
