/** `serpy send`: sends text, numbers, files and stdin. */
import { Command, Option } from 'commander';
import type { Connection, ConnectOptions } from 'serpy';
import { type Context, pause } from '../environment/context.js';
import { Failure, failure, statusOf, toSentence, usageError } from '../failure.js';
import {
  addConnectionFlags,
  type ConnectionFlags,
  connectionOptions,
  defaultPort,
  suggestedUrl,
  urlText,
} from '../flags/connection-flags.js';
import { helpText } from '../flags/help-text.js';
import { duration, wholeNumber } from '../flags/value-parsers.js';
import { formatBytes, formatCount } from '../format.js';
import { describe } from '../messages/describe.js';
import { checkPayloads, type Payload, payloads, type SendRequest, totalBytes } from '../messages/payloads.js';
import { connectFor } from '../peers/connect-for.js';
import { type Delivery, deliverTo } from '../peers/deliver.js';
import { showProgress } from '../ui/progress-bar.js';
import { encodingOption } from '../ui/stdin-lines.js';

interface Flags extends ConnectionFlags {
  readonly number?: true;
  readonly json?: true;
  /** In milliseconds. */
  readonly expires?: number;
  readonly file?: readonly string[];
  readonly binary?: true;
  readonly encoding?: string;
  readonly repeat: number;
  readonly interval?: number;
  readonly replies: number;
  readonly ack: boolean;
  readonly timeout: number;
  readonly quiet?: true;
}

/** The default of the option `maxMessageBytes`. */
const maxMessageBytes = 64 * 1024 * 1024;

const anyUrl = /^[\w+.-]+:\/\//;
const serpyUrl = /^(serpy[12]?|lines)(\+tls)?:\/\//;

export function send(context: Context): Command {
  const command = new Command('send')
    .summary('Send text, numbers, files and stdin')
    .description(
      helpText('Send text, numbers, files and standard input.', context, [
        ['a text to this computer, port 5001', 'serpy send hello'],
        ['ask an instrument', "serpy send serpy1://192.168.1.20:5001 '*IDN?' --replies 1"],
        ['an integer and a float', 'serpy send --number 42 0.5'],
        ['settings as JSON', `serpy send --json '{"gain": 3}'`],
        ['an image 100 times, 10 per second', 'serpy send --file image.npy --repeat 100 --interval 100ms'],
        ['each line of a program', 'python3 -u measure.py | serpy send -'],
        // PowerShell 5 changes bytes in a pipe.
        ['bytes', 'tar c results | serpy send --binary', 'serpy send --file results.tar'],
      ]),
    )
    .argument('[url]', `${urlText} (default: serpy://127.0.0.1:${defaultPort})`)
    .argument('[values...]', 'the messages: each value is one; - is the lines of stdin')
    .option('--number', 'send the values as numbers: 42 as an integer, 42.0 as a float')
    .option('--json', 'check the values as JSON, and send each as one line of it; message.json() reads it')
    .option('--file <path>', 'send a file as bytes, also a .npy; repeatable', (path: string, before: string[] = []) => [
      ...before,
      path,
    ])
    .option('--binary', 'send all of stdin as one message of bytes')
    .addOption(encodingOption())
    .option('--repeat <number>', 'send everything this many times', wholeNumber('--repeat', 1), 1)
    .option('--interval <time>', 'wait this long between messages, such as 500ms', duration('--interval'))
    .option(
      '--expires <time>',
      'drop a message that could not be sent for this long, such as 2s',
      duration('--expires'),
    )
    .option('--replies <number>', 'wait for this many replies, and print them', wholeNumber('--replies', 0), 0)
    .option('--no-ack', 'do not wait for acknowledgements')
    .addOption(
      new Option('--timeout <time>', 'stop if the peer reads nothing for this long')
        .argParser(duration('--timeout'))
        .default(30_000, '30s'),
    )
    .option('-q, --quiet', 'print nothing on success');
  return addConnectionFlags(command, { end: 'connect' }).action(
    (url: string | undefined, values: string[], flags: Flags) => run(context, url, values, flags),
  );
}

async function run(context: Context, first: string | undefined, rest: string[], flags: Flags): Promise<void> {
  const { terminal, interruption, clock } = context;
  const isUrl = first !== undefined && anyUrl.test(first);
  const suggestion = first === undefined || isUrl ? undefined : suggestedUrl(first);
  if (suggestion) {
    throw usageError(
      `'${first}' is an address and not a URL: write ${suggestion}. To send it as text, put it after the URL of the peer`,
    );
  }
  const misplaced = isUrl ? undefined : rest.find((value) => serpyUrl.test(value));
  if (misplaced) {
    throw usageError(
      `'${misplaced}' comes after a value: put the URL first, as in serpy send ${misplaced} hello. To send it as text, put it after the URL of the peer`,
    );
  }
  const options = connectionOptions(isUrl ? first : undefined, flags, 'connect', context);
  const messages = isUrl || first === undefined ? rest : [first, ...rest];
  const request = {
    ...requestOf(messages, flags, context),
    maxMessageBytes: options.maxMessageBytes ?? maxMessageBytes,
  };
  await checkPayloads(request);
  const knownBytes = await totalBytes(request);

  const { signal } = interruption;
  const closeTimeoutMs = options.closeTimeoutMs ?? Math.max(peerCloseMs, flags.timeout);
  // The delivery has its own, shorter timeout, so that it knows whether the peer closed the connection in time.
  const connection = await connectFor(
    context,
    { ...options, closeTimeoutMs: closeTimeoutMs + 1000 } as ConnectOptions,
    context.interruption.signal,
    flags.quiet,
  );
  connection.on('warning', (error) => {
    const isReportedAtTheEnd = error.code === 'ERR_SERPY_DELIVERY_UNKNOWN' || error.code === 'ERR_SERPY_LOST';
    if (!isReportedAtTheEnd) terminal.note(terminal.noteColors.dim(toSentence(error)));
  });
  const delivery = deliverTo(connection, context, {
    protocol: options.protocol,
    acknowledge: flags.ack,
    expiresMs: flags.expires,
    peerCloseMs: options.closeTimeoutMs ?? peerCloseMs,
    timeoutMs: flags.timeout,
    signal,
  });
  const replies = printReplies(context, connection, flags);
  const startedMs = clock.now();
  let readBytes = 0;
  const perByte = options.protocol === 'v1' ? 0.8 : 1; // base85 makes 5 bytes of 4
  const bar = showProgress(
    context,
    () => (knownBytes === undefined ? readBytes : knownBytes * flags.repeat),
    () => delivery.flushedBytes * perByte,
  );
  try {
    const input = untilFault(repeated(context, request, flags));
    for await (const each of input.payloads) {
      readBytes += each.sizeBytes;
      await delivery.send(each);
    }
    if (signal.aborted) throw failure('');
    if (!input.fault) await replies.all();
    await delivery.drain();
    if (input.fault) throw withStatus(input.fault.error, delivery);
  } catch (error) {
    connection.destroy();
    if (signal.aborted) throw failure(`interrupted: ${delivery.status}`);
    throw error;
  } finally {
    bar.stop();
  }
  if (delivery.expired > 0) terminal.note(`dropped ${formatCount(delivery.expired)}: ${expiredAfter(flags.expires)}`);
  if (delivery.expired > 0 && delivery.sent === 0) throw failure(`nothing was sent: ${expiredAfter(flags.expires)}`);
  if (!flags.quiet) terminal.note(summary(delivery, (clock.now() - startedMs) / 1000));
}

/** The messages up to the first error, which is kept in `fault`: earlier messages are delivered first. */
function untilFault(source: AsyncIterable<Payload>) {
  const input: { fault?: { readonly error: unknown } } = {};
  const guarded = async function* (): AsyncIterableIterator<Payload> {
    try {
      yield* source;
    } catch (error) {
      input.fault = { error };
    }
  };
  return Object.assign(input, { payloads: guarded() });
}

/** The error of the input, with the delivery of the messages before it. */
function withStatus(error: unknown, { sent, status }: Delivery): unknown {
  if (sent === 0) return error;
  return new Failure(statusOf(error), `${toSentence(error)}; before it, ${status}`, { cause: error });
}

/** Timeout for a peer without a session to close the connection. */
const peerCloseMs = 5000;

/** The messages to send, from the command line. */
function requestOf(values: string[], flags: Flags, { terminal }: Context): Omit<SendRequest, 'maxMessageBytes'> {
  const { number = false, json = false, binary = false, file: files = [], repeat, encoding } = flags;
  const isPiped = !terminal.stdin.isTTY;
  const all = values.length === 0 && files.length === 0 && (binary || isPiped) ? ['-'] : values;
  if (all.length === 0 && files.length === 0) {
    throw usageError('there is nothing to send: write a text, --file PATH, or - for stdin');
  }
  const fromStdin = all.filter((value) => value === '-').length;
  if (fromStdin > 1 || (fromStdin > 0 && repeat > 1))
    throw usageError('stdin can be read only once: write - once, without --repeat');
  if (binary && number)
    throw usageError('--binary and --number exclude each other: stdin is one message of bytes, or lines with numbers');
  if (json && (binary || number))
    throw usageError(`--json and --${binary ? 'binary' : 'number'} exclude each other: numbers are JSON, too`);
  if (encoding !== undefined && (binary || fromStdin === 0))
    throw usageError('--encoding is for lines of stdin, and this command reads none: omit it');
  if (binary && fromStdin === 0) return { values: [...all, '-'], files, number, json, binary };
  return { values: all, files, number, json, binary, encoding };
}

async function* repeated(
  context: Context,
  request: SendRequest,
  { repeat, interval }: Flags,
): AsyncIterableIterator<Payload> {
  const { clock, interruption, terminal } = context;
  const { signal } = interruption;
  let isFirst = true;
  for (let round = 0; round < repeat; round++) {
    for await (const each of payloads(request, terminal.stdin, signal)) {
      if (!isFirst && interval !== undefined && !(await pause(clock, interval, signal))) return;
      if (signal.aborted) return;
      isFirst = false;
      yield each;
    }
  }
}

/** Prints up to `replies` messages of the peer. It reads all of them, because acknowledgements arrive behind them. */
function printReplies(context: Context, connection: Connection, { replies, timeout }: Flags) {
  const { clock, interruption, terminal } = context;
  let count = 0;
  let atMs = clock.now();
  const reading = (async () => {
    for await (const message of connection.messages()) {
      if (count >= replies) continue;
      count++;
      atMs = clock.now();
      await terminal.print(describe(message).line);
    }
  })();
  reading.catch(() => {}); // `all` reports it
  return {
    async all(): Promise<void> {
      atMs = clock.now();
      while (count < replies) {
        const ended = await Promise.race([
          reading.then(() => true),
          pause(clock, 20, interruption.signal).then(() => false),
        ]);
        if (count >= replies) return;
        if (interruption.signal.aborted) throw interruption.signal.reason;
        const received = `received ${count} of ${replies} replies`;
        if (ended) throw failure(`${received}: the peer disconnected`);
        if (clock.now() - atMs > timeout) throw failure(`${received}, then none for ${timeout / 1000} s`);
      }
    },
  };
}

function expiredAfter(expiresMs = 0): string {
  return `the peer read too slowly, and a message expires after ${expiresMs / 1000} s`;
}

function summary({ sent, sentBytes, acknowledges }: Delivery, seconds: number): string {
  const rate = sentBytes >= 1_000_000 ? ` in ${seconds.toFixed(1)} s, ${formatBytes(sentBytes / seconds)}/s` : '';
  return `sent ${formatCount(sent)}, ${formatBytes(sentBytes)}${rate}${acknowledges ? ', acknowledged' : ': handed to the network, not confirmed'}`;
}
