/** `serpy listen`: prints incoming messages. */
import { Command } from 'commander';
import { jsonLine } from 'serpy-recording';
import type { Context } from '../environment/context.js';
import { isoTime } from '../environment/system.js';
import { failure } from '../failure.js';
import { addConnectionOptions, type ConnectionFlags, connectionOptions } from '../flags/connection-flags.js';
import { helpText } from '../flags/help-text.js';
import { addSnippetOption, connectionSnippet, printSnippets, type SnippetFlag } from '../flags/snippet-flag.js';
import { duration, wholeNumber } from '../flags/value-parsers.js';
import { formatBytes, formatCount } from '../format.js';
import { describe } from '../messages/describe.js';
import { type OutFolder, openFolder } from '../messages/out-folder.js';
import { peerLabel } from '../peers/peer-label.js';
import { type ArrivedMessage, receive, receivingDefaults } from '../peers/receive.js';

interface Flags extends ConnectionFlags, SnippetFlag {
  readonly connect?: true;
  readonly json?: true;
  readonly out?: string;
  readonly count?: number;
  readonly timeout?: number;
  readonly showSender?: true;
  readonly quiet?: true;
}

export function listen(context: Context): Command {
  const command = new Command('listen')
    .summary('Print incoming messages')
    .description(
      helpText('Print incoming messages, as a server or with --connect as a client.', context, [
        ['from clients on this computer', 'serpy listen'],
        [
          'from other computers, with a key from serpy keygen',
          'serpy listen serpy2+tls://0.0.0.0:5001 --key-file lab.key',
        ],
        ['from an instrument that is a server', 'serpy listen --connect serpy2://192.168.1.20:5001'],
        ['ten images to a folder', 'serpy listen --out images --count 10'],
        [
          'numbers for another program',
          `serpy listen --json | jq 'select(.type == "float") | .value'`,
          'serpy listen --json | ConvertFrom-Json | Where-Object type -eq float | Select-Object value',
        ],
      ]),
    )
    .option('--connect', 'connect to the peer, instead of listening')
    .option('--json', 'print each message as a line of JSON')
    .option('--out <folder>', 'write bytes and arrays to files in this folder')
    .option('--count <number>', 'stop after this many messages', wholeNumber('--count', 1))
    .option('--timeout <time>', 'stop after this time without messages, such as 10s', duration('--timeout'))
    .option('--show-sender', 'print the sender before each message')
    .option('-q, --quiet', 'do not report connections and counts');
  addSnippetOption(command);
  return addConnectionOptions(command, { end: 'either' }).action((url: string | undefined, flags: Flags) =>
    run(context, url, flags),
  );
}

async function run(context: Context, url: string | undefined, flags: Flags): Promise<void> {
  const { clock, terminal, interruption } = context;
  const isClient = flags.connect === true;
  const options = connectionOptions(url, flags, isClient ? 'connect' : 'listen', context, {
    ...receivingDefaults,
  });
  if (flags.snippet)
    return printSnippets(context, [connectionSnippet(options, isClient ? 'connect' : 'listen', flags)], flags.snippet);
  const folder = flags.out === undefined ? undefined : openFolder(flags.out);
  const stop = new AbortController();
  const note = flags.quiet ? undefined : (line: string) => terminal.note(terminal.noteColors.dim(line));
  const startedMs = clock.now();
  let [count, bytes] = [0, 0];
  const idle = createIdleTimer(context, flags.timeout, () => stop.abort());

  const onMessage = async (arrival: ArrivedMessage) => {
    if (count === flags.count) return; // another connection delivered the last one
    count++;
    idle.restart();
    const isLast = count === flags.count;
    try {
      bytes += await show(context, arrival, flags, folder);
    } catch (error) {
      count--; // no part of it was written
      throw error;
    } finally {
      if (isLast) stop.abort();
    }
  };
  const summary = () => {
    if (interruption.cause === 'closed pipe') return;
    const seconds = ((clock.now() - startedMs) / 1000).toFixed(1);
    note?.(`received ${formatCount(count)}, ${formatBytes(bytes)} in ${seconds} s`);
  };
  try {
    await receive(context, { options, connect: isClient, stop: stop.signal, log: note, onMessage });
    summary();
  } catch (error) {
    if (count > 0) summary();
    throw error;
  } finally {
    idle.stop();
  }
  if (idle.hasExpired() && count < (flags.count ?? 1)) {
    const expected = flags.count === undefined ? '' : ` of ${flags.count}`;
    const seconds = (flags.timeout ?? 0) / 1000;
    throw failure(`received ${formatCount(count)}${expected}, then none for ${seconds} s: is the sender running?`);
  }
  if (flags.count !== undefined && count < flags.count && interruption.cause !== 'closed pipe') {
    const why = interruption.cause === undefined ? 'the peer disconnected' : 'interrupted';
    throw failure(`${why}: received ${count} of ${formatCount(flags.count)}`);
  }
}

/** Prints a message and writes it to a file. Resolves with its size. */
async function show(
  { terminal }: Context,
  arrival: ArrivedMessage,
  flags: Flags,
  folder: OutFolder | undefined,
): Promise<number> {
  const { message, connection, from, wallMs, elapsedMs } = arrival;
  const { line, json, attachment, sizeBytes } = describe(message);
  const file = attachment && (await folder?.write(attachment));
  if (flags.json) {
    const { name } = connection.peer;
    const when = { time: isoTime(wallMs), elapsedMs: Math.round(elapsedMs * 1000) / 1000 };
    await terminal.print(
      jsonLine({ ...when, from, ...(name && { name }), protocol: message.protocol, ...json, ...(file && { file }) }),
    );
  } else {
    const { dim } = terminal.colors;
    await terminal.print(
      flags.showSender ? dim(`${peerLabel(connection)}  `) : '',
      line,
      file ? dim(`  → ${file}`) : '',
    );
  }
  return sizeBytes;
}

/** Calls back after a time without messages. @param limitMs undefined for no limit */
function createIdleTimer({ clock }: Context, limitMs: number | undefined, onExpired: () => void) {
  let sinceMs = clock.now();
  let timer: unknown;
  let hasExpired = false;
  const check = () => {
    const restMs = sinceMs + (limitMs ?? 0) - clock.now();
    hasExpired = restMs <= 0;
    if (hasExpired) onExpired();
    else timer = clock.setTimeout(check, restMs);
  };
  if (limitMs !== undefined) timer = clock.setTimeout(check, limitMs);
  return {
    restart: () => {
      sinceMs = clock.now();
    },
    hasExpired: () => hasExpired,
    stop: () => clock.clearTimeout(timer),
  };
}
