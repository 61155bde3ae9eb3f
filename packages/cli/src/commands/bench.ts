/** `serpy bench`: measures a connection, or is its other end. */
import { Command, Option } from 'commander';
import { type Connection, isSerpyError } from 'serpy';
import { measure } from '../bench/measurement.js';
import {
  asJson,
  collector,
  type Findings,
  linkFacts,
  linkText,
  roundTripText,
  throughputText,
} from '../bench/report.js';
import { serve } from '../bench/serve.js';
import type { Context } from '../environment/context.js';
import { failure, usageError } from '../failure.js';
import { addConnectionOptions, type ConnectionFlags, connectionOptions } from '../flags/connection-flags.js';
import { helpText } from '../flags/help-text.js';
import { duration } from '../flags/value-parsers.js';
import { addressOf } from '../format.js';
import { connectFor } from '../peers/connect-for.js';

const measuring = { minMs: 1000, maxMs: 60_000, words: 'from 1s to 60s' };

interface BenchFlags extends ConnectionFlags {
  /** In milliseconds. */
  readonly duration: number;
  readonly listen?: true;
  readonly json?: true;
}

export function bench(context: Context): Command {
  const command = new Command('bench')
    .summary('Measure latency and throughput')
    .description(
      helpText(
        'Measure the round trip and the throughput of a connection. The other end runs "serpy bench --listen", or any program that returns what it receives.',
        context,
        [
          ['on this computer, in a second terminal: the other end', 'serpy bench --listen'],
          ['then measure', 'serpy bench'],
          [
            'between two computers: on the other one',
            'serpy bench --listen serpy+tls://0.0.0.0:5001 --key-file lab.key',
          ],
          ['then on this one', 'serpy bench serpy+tls://192.168.1.20:5001 --key-file lab.key'],
          [
            'the median round trip, in a script',
            'serpy bench --json | jq .roundTrip.p50Ms',
            '(serpy bench --json | ConvertFrom-Json).roundTrip.p50Ms',
          ],
        ],
      ),
    )
    .option('--listen', 'be the other end until Ctrl-C')
    .addOption(
      new Option('--duration <time>', 'measure for this long, from 1s to 60s')
        .argParser(duration('--duration', measuring))
        .default(20_000, '20s'),
    )
    .option('--json', 'print one JSON object');
  return addConnectionOptions(command, { end: 'either', reconnects: false }).action(
    async (url: string | undefined, flags: BenchFlags) => {
      if (!flags.listen) return run(url, flags, context);
      if (flags.json) throw usageError('--json is for the end that measures: omit it with --listen');
      return serve(connectionOptions(url, flags, 'listen', context), context);
    },
  );
}

async function run(url: string | undefined, flags: BenchFlags, context: Context): Promise<void> {
  const { terminal, interruption, clock } = context;
  const { signal } = interruption;
  const options = connectionOptions(url, flags, 'connect', context);
  const secured = options.key !== undefined || options.tls !== undefined;
  // It measures v2 itself, unless a session is asked for.
  const measured = options.protocol === 'v2' && !secured ? { session: 'off' as const, ...options } : options;
  const connection = await connectFor(context, measured);
  let isOver = false;
  connection.on('warning', (error) => {
    // Lost test data does not matter.
    if (!isOver && error.code !== 'ERR_SERPY_LOST') terminal.note(error.message);
  });
  const findings: Findings = { link: linkFacts(connection), throughput: [], omitted: [] };
  let isComplete = false;
  try {
    if (!flags.json) {
      terminal.note(`measuring for at most ${flags.duration / 1000} s; Ctrl-C stops it`);
      await terminal.printLines(linkText(findings.link));
    }
    const plan = { durationMs: flags.duration, signal };
    await measure(
      connection,
      plan,
      clock,
      collector(findings, (roundTrip) => {
        if (!flags.json) void terminal.printLines(`\n${roundTripText(roundTrip)}`);
      }),
    );
    isComplete = findings.throughput.every(({ complete }) => complete);
  } catch (error) {
    throw explained(error, connection, findings);
  } finally {
    isOver = true;
    if (isComplete) await connection.close();
    else connection.destroy(); // `close` would wait for the data in flight
    if (flags.json) await terminal.print(JSON.stringify(asJson(findings, isComplete)));
    else if (findings.throughput.length > 0) await terminal.printLines(`\n${throughputText(findings)}`);
  }
}

/** If the first question gets no answer, the sentence says what to start at the other end. */
function explained(error: unknown, connection: Connection, { otherEnd, link }: Findings): unknown {
  const isSilent = isSerpyError(error) && error.code === 'ERR_SERPY_TIMEOUT' && otherEnd === undefined;
  if (!isSilent) return error;
  return failure(
    `${addressOf(connection.remote ?? link)} accepts the connection and returns nothing: start "serpy bench --listen" there, "serpy simulate echo", ` +
      'or any program that returns what it receives',
    error,
  );
}
