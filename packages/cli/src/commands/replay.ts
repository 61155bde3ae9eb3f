/** `serpy replay`: sends a recording at its original speed, faster, or as fast as possible. */
import { Command } from 'commander';
import { listen, type PortableConnection } from 'serpy';
import { type EventLine, openRecording, type Recording } from 'serpy-recording';
import { type Context, pause } from '../environment/context.js';
import { failure, usageError } from '../failure.js';
import {
  addConnectionFlags,
  type ConnectionFlags,
  connectionOptions,
  defaultPort,
  urlText,
} from '../flags/connection-flags.js';
import { helpText } from '../flags/help-text.js';
import { formatCount, serverUrl } from '../format.js';
import { resend } from '../messages/resend.js';
import { connectFor } from '../peers/connect-for.js';

interface Flags extends ConnectionFlags {
  readonly speed: number;
  readonly connect?: true;
}

export function replay(context: Context): Command {
  const command = new Command('replay')
    .summary('Send a recording in place of the instrument')
    .description(
      helpText('Send a recording in place of the instrument: listen, send it to the first client, and end.', context, [
        ['at the recorded speed', 'serpy replay run-1'],
        ['to a server, as fast as it reads', 'serpy replay run-1 serpy2://127.0.0.1:5001 --connect --speed max'],
      ]),
    )
    .argument('<folder>', 'a folder of "serpy record"')
    .argument(
      '[url]',
      `the address to listen on, or with --connect the peer: ${urlText} (default: 127.0.0.1:${defaultPort}, the recorded protocol)`,
    )
    .option('--speed <factor>', '2 is twice as fast, max is as fast as possible', speed, 1)
    .option('--connect', 'connect to the peer, instead of listening');
  return addConnectionFlags(command, { end: 'either' }).action(
    async (folder: string, url: string | undefined, flags: Flags) => {
      const recording = openRecording(folder);
      const end = flags.connect ? 'connect' : 'listen';
      const options = connectionOptions(url, flags, end, context);
      // A client that only receives never reveals its protocol, so the server uses the recorded one.
      if (options.protocol === 'auto' && !flags.connect) Object.assign(options, { protocol: protocolOf(recording) });
      const wait = { signal: context.interruption.signal };
      const closeTimeoutMs = options.closeTimeoutMs ?? slowPeerMs;
      Object.assign(options, { closeTimeoutMs });
      if (flags.connect) {
        await play(context, recording, flags.speed, await connectFor(context, options));
        return;
      }
      const server = await listen({ ...options, maxConnections: 1 });
      try {
        await context.terminal.print(serverUrl(options, server.address));
        context.terminal.note('waiting for a client; Ctrl-C stops it');
        await play(context, recording, flags.speed, await server.getConnection(wait));
      } finally {
        await server.closeServer();
      }
    },
  );
}

/** Sends the recording, then closes the connection. */
async function play(
  context: Context,
  recording: Recording,
  factor: number,
  connection: PortableConnection,
): Promise<void> {
  const { terminal, clock, interruption } = context;
  const closing = new AbortController();
  connection.once('close', () => closing.abort());
  const signal = AbortSignal.any([interruption.signal, closing.signal]);
  const startMs = clock.now();
  let lastPauseMs = startMs;
  let firstMs: number | undefined;
  let sent = 0;
  let omitted = 0;
  let gaps = 0;
  let firstOmitted = '';
  const onEvent = ({ type }: EventLine) => {
    if (type === 'gap') gaps++;
  };
  try {
    for (const message of recording.messages({ onEvent })) {
      firstMs ??= message.timeMs;
      const waitMs = startMs + (message.timeMs - firstMs) / factor - clock.now();
      const isOverdue = clock.now() - lastPauseMs > maxWorkMs;
      if (waitMs >= 1 || isOverdue) {
        await pause(clock, Math.max(0, waitMs), signal);
        lastPauseMs = clock.now();
      }
      if (signal.aborted) break;
      const unsupported = await resend(connection, message, { signal });
      if (unsupported === undefined) sent++;
      else if (++omitted === 1) firstOmitted = unsupported;
    }
    if (!signal.aborted) await connection.close();
  } catch (error) {
    if (!signal.aborted && connection.closeInfo === undefined) throw error;
  } finally {
    connection.destroy();
  }
  if (omitted > 0) {
    terminal.note(`omitted ${formatCount(omitted)} that this protocol cannot carry; the first is ${firstOmitted}`);
  }
  if (gaps > 0) {
    const places = gaps === 1 ? 'a gap' : `${gaps} gaps`;
    terminal.note(`the recording has ${places}: a connection broke, and messages of the outage are missing`);
  }
  const summary = `sent ${formatCount(sent)} in ${((clock.now() - startMs) / 1000).toFixed(1)} s`;
  if (interruption.signal.aborted) {
    terminal.note(`interrupted: ${summary}`);
    return;
  }
  const { reason, error, unsentMessages = 0 } = connection.closeInfo ?? {};
  if (reason !== 'local-close' || error !== undefined || unsentMessages > 0) {
    const isRefused = reason === 'local-close' && unsentMessages === 0;
    const what = isRefused ? 'the peer did not accept the messages' : 'the peer disconnected before the end';
    throw failure(`${what}, ${summary}${error === undefined ? '' : `: ${error.message}`}`, error);
  }
  terminal.note(summary);
}

/** Reading and sending without a pause takes at most this time, so that Ctrl-C and a closed connection are noticed. */
const maxWorkMs = 20;

/** Timeout for a peer to read what is queued at the end. */
const slowPeerMs = 60_000;

/** The recorded protocol: only messages of v1 have modes. */
function protocolOf(recording: Recording): 'v1' | 'v2' {
  for (const { mode } of recording.messages()) return mode === undefined ? 'v2' : 'v1';
  return 'v2';
}

function speed(text: string): number {
  if (text === 'max') return Number.POSITIVE_INFINITY;
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && Number.isFinite(value)) return value;
  throw usageError(`--speed takes a number above 0, such as 2 or 0.5, or max, not '${text}'`);
}
