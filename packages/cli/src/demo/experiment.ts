/** What the demo shows: two instruments, a client for each, and what the client knows of them. */
import { connect, type PortableConnection } from 'serpy';
import { decodeNpy, encodeNpy } from 'serpy-arrays';
import type { Clock } from '../environment/context.js';
import { formatBytes, formatCount } from '../format.js';
import { camera } from '../instruments/camera.js';
import { counter } from '../instruments/counter.js';
import type { Recorder } from '../recording/recorder.js';
import type { LinkView, View } from './layout.js';
import { startPluggable } from './pluggable-instrument.js';
import { createRates } from './rates.js';
import type { Image } from './thumbnail.js';

export interface Experiment {
  /** What is known now. */
  view(): Omit<View, 'command'>;
  readonly image: Image | undefined;
  pullCable(): void;
  /** Tells what happened, in a line. */
  setStatus(news: string): void;
  /** From now on, everything that arrives goes into the recording, too; undefined ends it. */
  recordInto(recorder: Recorder | undefined): void;
  stop(): Promise<void>;
}

export const imageSize = { width: 320, height: 240 } as const;
const imagesPerSecond = 25;
const countsPerSecond = 100;
const meanCounts = 4000;

/** How long the cable is out. */
const cableOutMs = 2000;

/** Counts that make one bar of the sparkline, and bars that are kept: more than fit on a screen. */
const countsPerBar = 20;
const keptBars = 400;

/** Both instruments are this program's own: they take a new link at once. */
const client = {
  autoRestart: true,
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
  let recorder: Recorder | undefined;
  let bar: number[] = [];
  const bars: number[] = [];
  let recent: number[] = [];

  const tell = (line: string) => {
    status = line;
  };
  const keep = (message: { type: string; value: unknown }) => {
    try {
      if (recorder && !recorder.add(message)) recorder = undefined;
    } catch (error) {
      recorder = undefined; // the disk takes no more
      tell((error as Error).message);
    }
  };

  const watchCamera = async () => {
    for await (const message of cameraLink.messages()) {
      keep({ type: 'bytes', value: message.bytes() });
      image = { data: decodeNpy(message.bytes()).data as ArrayLike<number>, width, height };
    }
  };
  const watchCounter = async () => {
    for await (const message of counterLink.messages()) {
      const count = Number(message.number());
      keep({ type: 'int', value: count });
      recent = [...recent.slice(1 - countsPerSecond), count];
      bar.push(count);
      if (bar.length < countsPerBar) continue;
      bars.push((mean(bar) ?? 0) * countsPerSecond);
      bar = [];
      if (bars.length > keptBars) bars.shift();
    }
  };
  const watching = Promise.all([watchCamera(), watchCounter()]);

  tellOf('camera', cameraLink, tell);
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
      status: status,
      recording: recorder && `${formatCount(recorder.messages)}, ${formatBytes(recorder.bytes)}`,
    }),
    pullCable() {
      tell(`the cable is pulled: nobody answers for ${cableOutMs / 1000} s, and the client dials again by itself`);
      for (const each of instruments) void each.pullCable(cableOutMs);
    },
    setStatus: tell,
    recordInto: (next) => {
      recorder = next;
    },
    async stop() {
      for (const link of [cameraLink, counterLink]) link.destroy();
      await Promise.all([watching, ...instruments.map((each) => each.stop())]);
    },
  };
}

function tellOf(name: string, link: PortableConnection, tell: (news: string) => void): void {
  link.on('reconnect', ({ downMs, attempts }) => {
    const dials = attempts === 1 ? '1 dial' : `${attempts} dials`;
    tell(`the ${name} is back: the link was down for ${(downMs / 1000).toFixed(1)} s, ${dials}`);
  });
}

/** What a connection tells of itself, with rates. */
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
