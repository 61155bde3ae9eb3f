/** `serpy record`: records incoming messages to a folder. */
import { Command } from 'commander';
import type { Connection } from 'serpy';
import {
  type ConnectionWatch,
  createRecording,
  type FullReason,
  type RecordingWriter,
  recordConnection,
  recordMessage,
  watchConnection,
} from 'serpy-recording';
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
import {
  addSnippetOption,
  connectionSnippet,
  printSnippets,
  type SnippetFlag,
  snippetsOfFolder,
} from '../flags/snippet-flag.js';
import { duration, wholeNumber } from '../flags/value-parsers.js';
import { addressOf, formatBytes, formatCount, formatInteger } from '../format.js';
import { connectFor } from '../peers/connect-for.js';
import { onBreak, receive, receivingDefaults } from '../peers/receive.js';
import { metadataOf, metaEntry, noteText } from '../recording/metadata.js';

interface Flags extends ConnectionFlags, SnippetFlag {
  readonly listen?: true;
  readonly count?: number;
  /** In milliseconds. */
  readonly duration?: number;
  readonly maxBytes?: number;
  readonly note?: string;
  readonly meta?: Readonly<Record<string, string>>;
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
          ['with a note', "serpy record serpy2://192.168.1.20:5001 run-1 --note 'second sample' --meta sample=12"],
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
    .option('--max-bytes <size>', 'stop before the folder is larger, such as 2GB', sizeInBytes('--max-bytes'))
    .option('--note <text>', 'a text that is kept with the recording', noteText)
    .option('--meta <name=value>', 'a value that is kept with the recording; can be repeated', metaEntry);
  addSnippetOption(command);
  return addConnectionFlags(command, { end: 'either' }).action((url: string, folder: string, flags: Flags) =>
    (flags.snippet ? printReader : flags.listen ? recordAsServer : recordAsClient)(context, url, folder, flags),
  );
}

/** The program reads the recording, if the folder holds one, and otherwise the instrument. */
async function printReader(context: Context, url: string, folder: string, flags: Flags): Promise<void> {
  const end = flags.listen ? 'listen' : 'connect';
  const connection = () => connectionSnippet(connectionOptions(url, flags, end, context), end, flags);
  return printSnippets(context, (await snippetsOfFolder(folder)) ?? [connection()], flags.snippet ?? 'python');
}

/** Records the messages of one peer, until it closes the connection. */
async function recordAsClient(context: Context, url: string, folder: string, flags: Flags): Promise<void> {
  const { terminal, clock, interruption } = context;
  const options = connectionOptions(url, flags, 'connect', context);
  const connection = await connectFor(context, options);
  connection.on('warning', (error) => terminal.note(error.message));
  onBreak(connection, (error) => {
    terminal.note(`the connection is down, reconnecting${error ? `: ${error.message}` : ''}`);
  });
  const watch = watchConnection(connection, clock);
  connection.on('reconnect', ({ downMs }) => terminal.note(`reconnected after ${Math.round(downMs)} ms`));
  const startMs = clock.now();
  let gaps = 0;
  const ending = new AbortController();
  try {
    const recorder = createRecording(folder, { clock, maxBytes: flags.maxBytes, ...metadataOf(url, options, flags) });
    terminal.note(`recording ${url} to ${folder}; Ctrl-C stops it`);
    const signal = AbortSignal.any([interruption.signal, ending.signal]);
    if (flags.duration !== undefined) void pause(clock, flags.duration, signal).then(() => ending.abort());
    const why = await recordConnection(connection, recorder, { signal, maxMessages: flags.count, watch });
    if (why === 'count' || why === 'size') for (const event of watch.rest()) recorder.event(event);
    recorder.close(why);
    if (why === 'size') terminal.note(sizeReached);
    terminal.note(summary(recorder, clock.now() - startMs, folder));
    gaps = recorder.gaps;
  } finally {
    ending.abort();
    await connection.close(); // tells the peer: it would keep a session for two minutes
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
  let recorder: RecordingWriter | undefined;
  let why: FullReason | 'signal' = 'signal';
  const peers = new Map<Connection, { readonly watch: ConnectionWatch; readonly from: string }>();
  try {
    await receive(context, {
      options,
      connect: false,
      stop: stop.signal,
      log: (line) => terminal.note(terminal.noteColors.dim(line)),
      // If the server cannot listen, no folder is created.
      onListening() {
        recorder = createRecording(folder, { clock, maxBytes: flags.maxBytes, ...metadataOf(url, options, flags) });
        startMs = clock.now();
        const signal = AbortSignal.any([interruption.signal, stop.signal]);
        if (flags.duration !== undefined) void pause(clock, flags.duration, signal).then(() => stop.abort());
        terminal.note(`recording all clients to ${folder}`);
      },
      onPeer(connection) {
        peers.set(connection, { watch: watchConnection(connection, clock), from: addressOf(connection.remote) });
      },
      onPeerLeft(connection) {
        const { watch, from } = peers.get(connection) ?? {};
        for (const event of watch?.rest() ?? []) recorder?.event(event, from);
        peers.delete(connection);
      },
      async onMessage(arrival) {
        const { watch } = peers.get(arrival.connection) ?? {};
        const full = recorder && recordMessage(recorder, { ...arrival, watch }, flags.count);
        if (full === 'size') terminal.note(sizeReached);
        if (!full) return;
        why = full;
        stop.abort();
      },
    });
  } finally {
    stop.abort();
    recorder?.close(why);
  }
  if (!recorder) return;
  terminal.note(summary(recorder, clock.now() - startMs, folder));
  if (recorder.gaps > 0) throw failure(gapsText(recorder.gaps));
}

const sizeReached = '--max-bytes is reached: the next message does not fit';

/** The recording in one line. */
export function summary(recorder: RecordingWriter, tookMs: number, folder: string): string {
  const { messages, bytes, omittedValues } = recorder;
  const seconds = (tookMs / 1000).toFixed(1);
  const omitted =
    omittedValues === 0 ? '' : `, without the values of ${formatInteger(omittedValues)} that are too long`;
  return `recorded ${formatCount(messages)} in ${seconds} s, ${formatBytes(bytes)} in ${folder}${omitted}`;
}

/** The error for the gaps of a recording. */
function gapsText(count: number): string {
  const places = count === 1 ? 'a gap' : `${count} gaps`;
  return `the recording has ${places}: the connection broke, and messages of the outage are missing. index.jsonl marks each gap`;
}
