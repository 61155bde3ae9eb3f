/** `serpy record`: records incoming messages to a folder. */
import { Command } from 'commander';
import type { Connection } from 'serpy';
import { type Context, pause } from '../environment/context.js';
import { failure } from '../failure.js';
import {
  addConnectionFlags,
  type ConnectionFlags,
  connectionOptions,
  sizeInBytes,
  urlText,
} from '../flags/connection-flags.js';
import { helpText } from '../flags/help-text.js';
import { duration, wholeNumber } from '../flags/value-parsers.js';
import { addressOf, formatBytes, formatCount, formatInteger } from '../format.js';
import { connectFor } from '../peers/connect-for.js';
import { onBreak, receive, receivingDefaults } from '../peers/receive.js';
import { type Breaks, type Gap, gapsText, watchBreaks } from '../recording/breaks.js';
import { recordConnection, recordMessage } from '../recording/record.js';
import { createRecorder, type Recorder } from '../recording/recorder.js';

interface Flags extends ConnectionFlags {
  readonly listen?: true;
  readonly count?: number;
  /** In milliseconds. */
  readonly duration?: number;
  readonly maxBytes?: number;
}

export function record(context: Context): Command {
  const command = new Command('record')
    .summary('Record messages to a folder')
    .description(
      helpText(
        'Record incoming messages to a folder: arrays as .npy, numbers and text as lines of JSON, other bytes unchanged.',
        context,
        [
          ['from an instrument, until Ctrl-C', 'serpy record serpy2://192.168.1.20:5001 run-1'],
          [
            'for a night, also if the connection breaks',
            'serpy record serpy2://192.168.1.20:5001 night --duration 12h --max-bytes 50GB',
          ],
          [
            'from instruments that connect to this computer, with a key from serpy keygen',
            'serpy record --listen serpy2+tls://0.0.0.0:5001 run-1 --key-file lab.key',
          ],
          [
            'open the images in Python, also during the recording',
            `python3 -c "import numpy; print(numpy.load('run-1/uint16-480x640.npy', mmap_mode='r').shape)"`,
          ],
        ],
      ),
    )
    .argument('<url>', `the peer, or with --listen the address to listen on: ${urlText}`)
    .argument('<folder>', 'a new or empty folder')
    .option('--listen', 'be a server: all clients are recorded in one recording')
    .option('--count <number>', 'stop after this many messages', wholeNumber('--count', 1))
    .option('--duration <time>', 'stop after this time, such as 30s or 10min', duration('--duration'))
    .option('--max-bytes <size>', 'stop before the folder is larger, such as 2GB', sizeInBytes('--max-bytes'));
  return addConnectionFlags(command, { end: 'either' }).action((url: string, folder: string, flags: Flags) =>
    (flags.listen ? recordAsServer : recordAsClient)(context, url, folder, flags),
  );
}

/** Records the messages of one peer, until it closes the connection. */
async function recordAsClient(context: Context, url: string, folder: string, flags: Flags): Promise<void> {
  const { terminal, clock, interruption } = context;
  const connection = await connectFor(context, connectionOptions(url, flags, 'connect', context));
  connection.on('warning', (error) => terminal.note(error.message));
  onBreak(connection, (error) => {
    terminal.note(`the connection is down, reconnecting${error ? `: ${error.message}` : ''}`);
  });
  const breaks = watchBreaks(connection, clock);
  connection.on('reconnect', ({ downMs }) => terminal.note(`reconnected after ${Math.round(downMs)} ms`));
  const startMs = clock.now();
  let gaps = 0;
  const ending = new AbortController();
  try {
    const recorder = createRecorder(folder, { clock, url, maxBytes: flags.maxBytes });
    terminal.note(`recording ${url} to ${folder}; Ctrl-C stops it`);
    const signal = AbortSignal.any([interruption.signal, ending.signal]);
    if (flags.duration !== undefined) void pause(clock, flags.duration, signal).then(() => ending.abort());
    const why = await recordConnection(connection, recorder, signal, flags.count, breaks);
    for (const gap of breaks.rest()) recorder.gap(gap);
    recorder.close();
    if (why === 'size') terminal.note(sizeReached);
    terminal.note(summary(recorder, clock.now() - startMs, folder));
    gaps = recorder.gaps;
  } finally {
    ending.abort();
    connection.destroy();
  }
  const { reason, error, clean } = connection.closeInfo ?? {};
  const isBroken = reason !== 'local-close' && (reason !== 'peer-closed' || clean === false);
  if (isBroken && !flags.reconnect) {
    const unclean = 'the connection broke: the peer closed it without a close frame';
    const why = error?.message ?? (reason === 'peer-closed' ? unclean : `the connection ended (${reason})`);
    throw failure(`${why}; omit --no-reconnect to reconnect`, error);
  }
  if (gaps > 0) throw failure(gapsText(gaps), error);
  if (isBroken) throw failure(error?.message ?? `the connection ended (${reason})`, error);
}

/** Records the messages of all clients. Clients may leave, and others may connect. */
async function recordAsServer(context: Context, url: string, folder: string, flags: Flags): Promise<void> {
  const { terminal, clock, interruption } = context;
  const options = connectionOptions(url, flags, 'listen', context, receivingDefaults);
  const stop = new AbortController();
  let startMs = 0;
  let recorder: Recorder | undefined;
  const peers = new Map<Connection, { readonly breaks: Breaks; readonly from: string }>();
  const mark = ({ from }: { readonly from: string }, gaps: readonly Gap[]) => {
    for (const gap of gaps) recorder?.gap(gap, from);
  };
  try {
    await receive(context, {
      options,
      connect: false,
      stop: stop.signal,
      log: (line) => terminal.note(terminal.noteColors.dim(line)),
      // If the server cannot listen, no folder is created.
      onListening() {
        recorder = createRecorder(folder, { clock, url, maxBytes: flags.maxBytes });
        startMs = clock.now();
        const signal = AbortSignal.any([interruption.signal, stop.signal]);
        if (flags.duration !== undefined) void pause(clock, flags.duration, signal).then(() => stop.abort());
        terminal.note(`recording all clients to ${folder}`);
      },
      onPeer(connection) {
        const peer = { breaks: watchBreaks(connection, clock), from: addressOf(connection.remote) };
        peers.set(connection, peer);
      },
      onPeerLeft(connection) {
        const peer = peers.get(connection);
        if (peer) mark(peer, peer.breaks.rest());
        peers.delete(connection);
      },
      async onMessage(arrival) {
        const peer = peers.get(arrival.connection);
        if (peer) mark(peer, peer.breaks.beforeNext());
        const full = recorder && recordMessage(recorder, arrival, flags.count);
        if (full === 'size') terminal.note(sizeReached);
        if (full) stop.abort();
      },
    });
  } finally {
    stop.abort();
    recorder?.close();
  }
  if (!recorder) return;
  terminal.note(summary(recorder, clock.now() - startMs, folder));
  if (recorder.gaps > 0) throw failure(gapsText(recorder.gaps));
}

const sizeReached = '--max-bytes is reached: the next message does not fit';

/** The recording in one line. */
export function summary(recorder: Recorder, tookMs: number, folder: string): string {
  const { messages, bytes, omittedValues } = recorder;
  const seconds = (tookMs / 1000).toFixed(1);
  const omitted =
    omittedValues === 0 ? '' : `, without the values of ${formatInteger(omittedValues)} that are too long`;
  return `recorded ${formatCount(messages)} in ${seconds} s, ${formatBytes(bytes)} in ${folder}${omitted}`;
}
