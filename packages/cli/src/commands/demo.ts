/** `serpy demo`: two simulated instruments and a client on one screen. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { createRecording, type RecordingWriter } from 'serpy-recording';
import type { View } from 'serpy-view';
import { saveFileAtomic } from '../atomic-file.js';
import { type Experiment, startExperiment } from '../demo/experiment.js';
import { figuresOf, layout } from '../demo/layout.js';
import { encodePng } from '../demo/png.js';
import { type Context, pause } from '../environment/context.js';
import { toSentence } from '../failure.js';
import { helpText } from '../flags/help-text.js';
import { duration, wholeNumber } from '../flags/value-parsers.js';
import { formatCount, formatInteger } from '../format.js';
import { makeOutFolder } from '../messages/out-folder.js';
import { colorDepth } from '../ui/color-depth.js';
import { enterScreen } from '../ui/screen.js';
import { openPage } from './view.js';

interface Flags {
  /** In milliseconds. */
  readonly duration?: number;
  readonly seed: number;
  readonly out: string;
  readonly view?: true;
}

/** Interval of drawing the screen, and of printing lines without a terminal. */
const drawEveryMs = 100;
const printEveryMs = 1000;

/** Without a terminal there is no key q. */
const secondsWithoutTerminal = 10;

export function demo(context: Context): Command {
  return new Command('demo')
    .summary('Show a simulated camera and a pulled cable')
    .description(
      helpText(
        'Show a simulated camera and photon counter at work, and what happens when their cable is pulled.',
        context,
        [
          ['on the whole screen', 'serpy demo'],
          ['one line of figures per second', 'serpy demo --duration 5 | cat', 'serpy demo --duration 5 | Out-Host'],
        ],
      ),
    )
    .option(
      '--duration <time>',
      `stop after this time (default: until q or Ctrl-C; without a terminal ${secondsWithoutTerminal}s)`,
      duration('--duration'),
    )
    .option(
      '--seed <number>',
      'the same seed gives the same images and counts',
      wholeNumber('--seed', 0, 2 ** 32 - 1),
      1,
    )
    .option('--view', 'also show both instruments on a web page')
    .option('--out <folder>', 'the folder for recordings (key r) and pictures (key s)', '.')
    .action(async (flags: Flags) => {
      const { terminal, interruption, clock } = context;
      const isOnScreen = terminal.isInteractive && terminal.stdin.isTTY === true;
      const ending = new AbortController();
      const signal = AbortSignal.any([interruption.signal, ending.signal]);
      const isEndless = isOnScreen || flags.view === true;
      const limitMs = flags.duration ?? (isEndless ? undefined : secondsWithoutTerminal * 1000);
      const experiment = await startExperiment(clock, flags.seed, signal);
      const results: string[] = [];
      let page: View | undefined;
      try {
        if (flags.view) page = await showPage(context, experiment, isOnScreen);
        if (limitMs !== undefined) void pause(clock, limitMs, signal).then(() => ending.abort());
        if (isOnScreen) await show(context, experiment, flags.out, ending, results);
        else await printLines(context, experiment, signal);
      } finally {
        ending.abort();
        await page?.close();
        await experiment.stop();
      }
      for (const line of [...results, ...summaryLines(experiment, calledAs(context.env))]) await terminal.print(line);
    });
}

/** Shows both instruments on a page. They serve it as any other client. */
async function showPage(context: Context, experiment: Experiment, isOnScreen: boolean): Promise<View> {
  const page = await openPage({ pagePort: 8080 }).catch(() => openPage({ pagePort: 0 })); // another program has the port
  const { camera, counter } = experiment.view();
  await page.show('camera', camera.url, { unit: 'photons', axes: ['y', 'x'] });
  await page.show('counter', counter.url, { unit: 'photons' });
  if (isOnScreen) experiment.setStatus(`open ${page.url} in a browser`);
  else await context.terminal.print(page.url);
  return page;
}

/** Draws until q, Ctrl-C or the end of the time. @param results receives a line for each picture and recording */
async function show(
  context: Context,
  experiment: Experiment,
  folder: string,
  ending: AbortController,
  results: string[],
): Promise<void> {
  const { terminal, interruption, clock, env } = context;
  const signal = AbortSignal.any([interruption.signal, ending.signal]);
  const depth = colorDepth(terminal.colors.isColorSupported, env);
  const recording = createRecordingKey(context, experiment, folder, results);
  const press = keyboard({
    u: () => experiment.pullCable(),
    r: recording.toggle,
    s: () => savePicture(experiment, folder, results),
    q: () => ending.abort(),
    '\x03': () => interruption.interrupt('SIGINT'),
  });
  const screen = enterScreen(terminal, (key) => {
    try {
      press(key);
    } catch (error) {
      showFailure(experiment, results, error);
    }
  });
  terminal.stdout.on('resize', screen.forget);
  try {
    while (!signal.aborted) {
      recording.flush();
      await screen.paint(layout({ ...experiment.view(), command: calledAs(env) }, terminal, depth));
      await pause(clock, drawEveryMs, signal);
    }
  } finally {
    terminal.stdout.off('resize', screen.forget);
    screen.leave();
    recording.end();
  }
}

function keyboard(keys: Readonly<Record<string, () => void>>): (key: string) => void {
  return (key) => keys[key.toLowerCase()]?.();
}

/** The key r: starts a recording in its own folder, or stops it. */
function createRecordingKey({ clock, env }: Context, experiment: Experiment, folder: string, results: string[]) {
  let recorder: RecordingWriter | undefined;
  let place = '';
  const end = () => {
    if (recorder === undefined) return;
    const { messages } = recorder;
    experiment.recordInto(undefined);
    recorder.close();
    recorder = undefined;
    results.push(`recorded ${formatCount(messages)} to ${place}: ${calledAs(env)} replay ${place}`);
    experiment.setStatus(results.at(-1) ?? '');
  };
  return {
    end,
    flush: () => {
      try {
        recorder?.flush();
      } catch (error) {
        recorder = undefined;
        experiment.recordInto(undefined);
        showFailure(experiment, results, error);
      }
    },
    toggle: () => {
      if (recorder) {
        end();
        return;
      }
      place = freeName(folder, '');
      recorder = createRecording(place, { clock, url: experiment.view().camera.url });
      experiment.recordInto(recorder);
      experiment.setStatus(`recording to ${place}; press r again to stop`);
    },
  };
}

/** Shows an error in the status line, and prints it after the demo. */
function showFailure(experiment: Experiment, results: string[], error: unknown): void {
  const line = toSentence(error);
  experiment.setStatus(line);
  if (!results.includes(line)) results.push(line);
}

function savePicture(experiment: Experiment, folder: string, results: string[]): void {
  if (experiment.image === undefined) return;
  makeOutFolder(folder);
  const file = freeName(folder, '.png');
  saveFileAtomic(file, encodePng(experiment.image));
  results.push(`saved ${file}`);
  experiment.setStatus(`saved ${file}`);
}

/** The first of `serpy-demo-1`, `serpy-demo-2` and so on that does not exist. */
function freeName(folder: string, extension: string): string {
  for (let number = 1; ; number++) {
    const name = join(folder, `serpy-demo-${number}${extension}`);
    if (!existsSync(name)) return name;
  }
}

/** Prints a line per second, for logs and pipes. */
async function printLines({ terminal, clock }: Context, experiment: Experiment, signal: AbortSignal): Promise<void> {
  const { camera, counter } = experiment.view();
  await terminal.print(`camera ${camera.url}, counter ${counter.url}`);
  const startMs = clock.now();
  while (await pause(clock, printEveryMs, signal)) {
    const view = experiment.view();
    const seconds = Math.round((clock.now() - startMs) / 1000);
    await terminal.print(
      `${seconds} s  camera ${figuresOf(view.camera)}; counter ${figuresOf(view.counter)}; ${formatInteger(view.countRate)} counts/s`,
    );
  }
}

/** How to start this command. Under npm it can be installed in one folder only, or not at all. */
function calledAs({ npm_lifecycle_event: script = '' }: Context['env']): string {
  if (script === '') return 'serpy';
  return script === 'npx' ? 'npx serpy-cli' : 'npx serpy';
}

function summaryLines(experiment: Experiment, command: string): string[] {
  const { camera, counter } = experiment.view();
  const reconnects = Math.max(camera.reconnects, counter.reconnects);
  const times = reconnects === 1 ? 'once' : `${reconnects} times`;
  return [
    `received ${formatInteger(camera.received)} images and ${formatInteger(counter.received)} counts; reconnected ${times}`,
    '',
    'Try next:',
    `  ${command} simulate camera                        an instrument for your own program`,
    `  ${command} record serpy2://127.0.0.1:5001 run-1   its data, as files for numpy`,
    `  ${command} replay run-1                           the recording, in place of the instrument`,
    `  ${command} doctor                                 checks of this computer, or of a peer`,
  ];
}
