/** `serpy simulate`: simulated instruments. */
import { once } from 'node:events';
import { Command, Option } from 'commander';
import { listen, type PortableConnection } from 'serpy';
import { encodeNpy } from 'serpy-arrays';
import { type Context, pause } from '../environment/context.js';
import { usageError } from '../failure.js';
import {
  addConnectionOptions,
  type ConnectionFlags,
  connectionOptions,
  defaultPort,
} from '../flags/connection-flags.js';
import { helpText } from '../flags/help-text.js';
import { duration, wholeNumber } from '../flags/value-parsers.js';
import { formatCount, formatInteger, serverUrl } from '../format.js';
import { camera } from '../instruments/camera.js';
import { counter } from '../instruments/counter.js';
import { echo } from '../instruments/echo.js';
import { type Measure, startInstrument } from '../instruments/instrument.js';
import { peerLabel } from '../peers/peer-label.js';

interface Flags extends ConnectionFlags {
  readonly rate?: number;
  readonly size: { readonly width: number; readonly height: number };
  readonly dtype: 'uint16' | 'float32';
  readonly bare?: true;
  readonly meanPhotons: number;
  readonly noise: number;
  readonly seed: number;
  readonly count?: number;
  /** In milliseconds. */
  readonly duration?: number;
}

const kinds = ['camera', 'counter', 'echo'] as const;
type Kind = (typeof kinds)[number];

export function simulate(context: Context): Command {
  const command = new Command('simulate')
    .summary('Simulate a camera, counter or echo server')
    .description(
      helpText('Simulate an instrument: a camera, a photon counter or an echo server.', context, [
        ['a camera: 640 × 480 pixels, 25 images per second', 'serpy simulate camera'],
        ['a larger and faster one', 'serpy simulate camera serpy2://127.0.0.1:5010 --size 1024 --rate 60'],
        [
          'a photon counter over v1, for a program with the Python module serpy',
          'serpy simulate counter --protocol v1',
        ],
        ['an echo server over both protocols', 'serpy simulate echo --protocol auto'],
      ]),
    )
    .argument('<instrument>', kinds.join(', '), instrumentNamed)
    .addOption(new Option('--duration <time>', 'stop after this time').argParser(duration('--duration')));
  const addOption = (group: string, option: Option) => command.addOption(option.helpGroup(group));
  const both = 'Camera and counter:';
  addOption(
    both,
    new Option('--rate <number>', 'values per second (default: camera 25, counter 100)').argParser(positive('--rate')),
  );
  addOption(both, new Option('--count <number>', 'stop after this many values').argParser(wholeNumber('--count', 1)));
  addOption(
    both,
    new Option('--noise <factor>', '1 is the noise of photons, 0 is none').argParser(notNegative('--noise')).default(1),
  );
  addOption(
    both,
    new Option('--seed <number>', 'the same seed gives the same values')
      .argParser(wholeNumber('--seed', 0, 2 ** 32 - 1))
      .default(1),
  );
  addOption(
    'Camera:',
    new Option('--size <pixels>', 'width and height of an image')
      .argParser(imageSize)
      .default({ width: 640, height: 480 }, '640x480'),
  );
  addOption(
    'Camera:',
    new Option('--dtype <type>', 'the type of the pixels').choices(['uint16', 'float32']).default('uint16'),
  );
  addOption('Camera:', new Option('--bare', 'send only the pixels, without the header of .npy'));
  addOption(
    'Counter:',
    new Option('--mean-photons <number>', 'expected photons per interval')
      .argParser(notNegative('--mean-photons'))
      .default(4000),
  );
  return addConnectionOptions(command, { end: 'listen' }, `serpy2://127.0.0.1:${defaultPort}`).action(
    async (kind: Kind, url: string | undefined, flags: Flags) => {
      checkFlags(command, kind);
      const options = connectionOptions(url, flags, 'listen', context);
      // A client that only receives never reveals its protocol, so the instrument chooses one.
      if ((url ?? flags.protocol ?? flags.config ?? context.env.SERPY_PROTOCOL) === undefined) {
        Object.assign(options, { protocol: 'v2' });
      }
      if (kind === 'echo') await runEcho(context, options, flags);
      else await runMeasuring(context, kind, options, flags);
    },
  );
}

/** The instruments of each option that is not for all. */
const instrumentsOf: Readonly<Record<string, readonly Kind[]>> = {
  rate: ['camera', 'counter'],
  size: ['camera'],
  dtype: ['camera'],
  bare: ['camera'],
  meanPhotons: ['counter'],
  noise: ['camera', 'counter'],
  seed: ['camera', 'counter'],
  count: ['camera', 'counter'],
};

function checkFlags(command: Command, kind: Kind): void {
  for (const [name, instruments] of Object.entries(instrumentsOf)) {
    if (command.getOptionValueSource(name) !== 'cli' || instruments.includes(kind)) continue;
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw usageError(`${flag} is not for ${kind === 'echo' ? 'an' : 'a'} ${kind}: omit it`);
  }
}

type ListenTo = ReturnType<typeof connectionOptions>;

async function runMeasuring(context: Context, kind: 'camera' | 'counter', options: ListenTo, flags: Flags) {
  const { terminal, clock } = context;
  const rate = flags.rate ?? (kind === 'camera' ? 25 : 100);
  const measure = kind === 'camera' ? images(flags) : counter({ ...flags, meanCounts: flags.meanPhotons }).count;
  const instrument = await startInstrument({ listen: options, measure, rate, clock, maxCount: flags.count });
  instrument.onPeer((peer) => reportClient(peer, context));
  try {
    await terminal.print(serverUrl(options, instrument.address));
    terminal.note(`${described(kind, rate, flags)}; Ctrl-C stops it`);
    await untilOver(context, flags, instrument.finished);
  } finally {
    await instrument.stop();
  }
  const { measured, dropped, unknown } = instrument.counts;
  const tooSlow = dropped > 0 ? `, ${formatInteger(dropped)} dropped for slow clients` : '';
  const undetected =
    unknown > 0 ? `, ${formatInteger(unknown)} dropped for clients of unknown protocol (--protocol auto)` : '';
  terminal.note(
    `measured ${formatInteger(measured)} ${kind === 'camera' ? 'images' : 'counts'}${tooSlow}${undetected}`,
  );
}

async function runEcho(context: Context, options: ListenTo, flags: Flags) {
  const server = await listen(options);
  let answers = 0;
  const counted: Promise<void>[] = [];
  server.on('connection', (peer) => {
    reportClient(peer, context);
    const { terminal } = context;
    const onUnsupported = (what: string) => terminal.note(`${peerLabel(peer)}: cannot return ${what}`);
    const answered = echo(peer, onUnsupported).then((refused) => {
      answers += peer.stats().messagesReceived - refused;
      if (refused > 0) terminal.note(`${peerLabel(peer)}: ${formatCount(refused)} could not be returned`);
    });
    counted.push(answered);
  });
  try {
    await context.terminal.print(serverUrl(options, server.address));
    context.terminal.note('an echo server; Ctrl-C stops it');
    await untilOver(context, flags);
  } finally {
    await server.closeServer();
    await Promise.all(counted);
  }
  context.terminal.note(`answered ${formatCount(answers)}`);
}

/** Waits for Ctrl-C, the end of the time, or the end of the instrument. */
async function untilOver(
  { clock, interruption }: Context,
  { duration: durationMs }: Flags,
  finished?: Promise<void>,
): Promise<void> {
  const done = new AbortController();
  const signal = AbortSignal.any([interruption.signal, done.signal]);
  const time = durationMs === undefined ? once(signal, 'abort') : pause(clock, durationMs, signal);
  await Promise.race([time, ...(finished ? [finished] : [])]);
  done.abort();
}

function reportClient(peer: PortableConnection, { terminal }: Context): void {
  const name = peerLabel(peer);
  terminal.note(`${name} connected`);
  peer.on('warning', ({ code }) => {
    if (code !== 'ERR_SERPY_PROTOCOL' || peer.peerProtocol !== undefined || peer.closeInfo !== undefined) return;
    terminal.note(
      `${name} has sent nothing, so its protocol is unknown and nothing can be sent to it: start with --protocol v1 or v2`,
    );
  });
  peer.on('close', () => terminal.note(`${name} disconnected`));
}

/** The images of the camera, as `.npy` or as pixels only. */
function images({ size, dtype, noise, seed, bare }: Flags): Measure {
  const { width, height } = size;
  const frame = camera({ width, height, dtype, noise, seed });
  return (n) => {
    const data = frame(n);
    if (!bare) return encodeNpy({ data, shape: [height, width] });
    return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  };
}

function described(kind: 'camera' | 'counter', rate: number, { size, dtype, bare, meanPhotons, seed }: Flags): string {
  if (kind === 'counter')
    return `a photon counter: about ${formatInteger(meanPhotons)} photons ${rate} times per second, seed ${seed}`;
  const form = bare ? `bare bytes, rows of ${size.width} ${dtype}` : `.npy of ${dtype}`;
  return `a camera: ${size.width} × ${size.height} pixels as ${form}, ${rate} images per second, seed ${seed}`;
}

function instrumentNamed(text: string): Kind {
  const kind = kinds.find((each) => each === text);
  if (kind === undefined) throw usageError(`unknown instrument '${text}': name one of ${kinds.join(', ')}`);
  return kind;
}

/** The largest image. A larger one would exceed `maxMessageBytes`. */
const maxPixels = 2 ** 24;

function imageSize(text: string): Flags['size'] {
  const [, width, height = width] = /^(\d+)(?:[x×,](\d+))?$/.exec(text) ?? [];
  const size = { width: Number(width), height: Number(height) };
  if (size.width * size.height >= 1 && size.width * size.height <= maxPixels) return size;
  throw usageError(`--size takes pixels such as 512 or 640x480, at most 16,777,216 in all, not '${text}'`);
}

function positive(name: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value > 0 && value <= 100_000) return value;
    throw usageError(`${name} takes a number above 0, at most 100000, not '${text}'`);
  };
}

function notNegative(name: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value >= 0 && value <= 1e12) return value;
    throw usageError(`${name} takes a number from 0, not '${text}'`);
  };
}
