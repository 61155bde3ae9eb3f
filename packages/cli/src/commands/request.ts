/** `serpy request`: sends a request and prints the answer. */
import { Command, Option } from 'commander';
import { type ConnectOptions, isSerpyError } from 'serpy';
import type { Context } from '../environment/context.js';
import { failure, usageError } from '../failure.js';
import {
  addConnectionFlags,
  type ConnectionFlags,
  connectionOptions,
  suggestedUrl,
  urlText,
} from '../flags/connection-flags.js';
import { helpText } from '../flags/help-text.js';
import { duration } from '../flags/value-parsers.js';
import { describe } from '../messages/describe.js';
import { checkPayloads, payloads } from '../messages/payloads.js';
import { connectFor } from '../peers/connect-for.js';

interface Flags extends ConnectionFlags {
  readonly number?: true;
  readonly file?: string;
  readonly timeout: number;
}

/** The default of the option `maxMessageBytes`. */
const maxMessageBytes = 64 * 1024 * 1024;

export function request(context: Context): Command {
  const command = new Command('request')
    .summary('Send a request and print the answer')
    .description(
      helpText('Send a request, wait for the answer and print it.', context, [
        ['ask a program that uses onRequest', "serpy request serpy://127.0.0.1:5001 'temperature?'"],
        ['ask a Python peer, whose answer is its next message', "serpy request serpy1://192.168.1.20:5001 '*IDN?'"],
        ['ask an instrument that speaks lines of text', "serpy request lines://192.168.1.30:5025 '*IDN?'"],
        ['a number, and at most two seconds', 'serpy request serpy://127.0.0.1:5001 --number 42 --timeout 2s'],
        ['an image', 'serpy request serpy://127.0.0.1:5001 --file image.npy'],
      ]),
    )
    .argument('<url>', urlText)
    .argument('[value]', 'the request; - is the lines of stdin, each a request')
    .option('--number', 'send the value as a number: 42 as an integer, 42.0 as a float')
    .option('--file <path>', 'send a file as bytes, also a .npy')
    .addOption(
      new Option('--timeout <time>', 'wait this long for the answer')
        .argParser(duration('--timeout'))
        .default(10_000, '10s'),
    );
  return addConnectionFlags(command, { end: 'connect' }).action(
    (url: string, value: string | undefined, flags: Flags) => run(context, url, value, flags),
  );
}

async function run(context: Context, url: string, value: string | undefined, flags: Flags): Promise<void> {
  const { terminal, interruption } = context;
  const { signal } = interruption;
  if (!/^[\w+.-]+:\/\//.test(url)) {
    throw usageError(`'${url}' is not a URL: write ${suggestedUrl(url) ?? 'serpy://HOST:PORT'} before the request`);
  }
  if ((value === undefined) === (flags.file === undefined)) {
    throw usageError(
      value === undefined
        ? 'there is no request: write it after the URL, or --file PATH'
        : 'a request has one value: omit the text, or --file',
    );
  }
  const options = connectionOptions(url, flags, 'connect', context);
  const input = {
    values: value === undefined ? [] : [value],
    files: flags.file === undefined ? [] : [flags.file],
    number: flags.number ?? false,
    json: false,
    binary: false,
    maxMessageBytes: options.maxMessageBytes ?? maxMessageBytes,
  };
  await checkPayloads(input);
  const connection = await connectFor(context, options as ConnectOptions);
  try {
    for await (const payload of payloads(input, terminal.stdin, signal)) {
      const answer = await connection.requestMessage(payload.value, { timeoutMs: flags.timeout, signal });
      await terminal.print(describe(answer).line);
    }
  } catch (error) {
    if (signal.aborted) throw failure('interrupted: the answer did not arrive');
    if (isSerpyError(error) && error.code === 'ERR_SERPY_TIMEOUT') {
      throw failure(error.message.replaceAll('timeoutMs', '--timeout'), error);
    }
    throw error;
  } finally {
    await connection.close(); // tells the peer: it would keep a session for two minutes
  }
}
