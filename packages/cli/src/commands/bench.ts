/** `serpy bench`: how fast a link is, and its other end. */
import { Command, Option } from 'commander';
import { type Connection, connect, isSerpyError } from 'serpy';
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

const measuring = { minMs: 1000, maxMs: 60_000, words: 'from 1s to 60s' };

interface BenchFlags extends ConnectionFlags {
  /** In milliseconds, as all that `duration` reads. */
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
      if (flags.json) throw usageError('--json is for the end that measures, not for --listen');
      return serve(connectionOptions(url, flags, 'listen', context), context);
    },
  );
}

async function run(url: string | undefined, flags: BenchFlags, context: Context): Promise<void> {
  const { terminal, interruption, clock } = context;
  const { signal } = interruption;
  const connection = await connect(connectionOptions(url, flags, 'connect', context), { signal });
  let isOver = false;
  connection.on('warning', (error) => {
    // What is sent to be measured is missed by nobody.
    if (!isOver && error.code !== 'ERR_SERPY_LOST') terminal.note(error.message);
  });
  const findings: Findings = { link: linkFacts(connection), throughput: [], leftOut: [] };
  let isComplete = false;
  try {
    if (!flags.json) {
      terminal.note(`measuring for ${flags.duration / 1000} s at most; Ctrl-C ends it`);
      await terminal.printLines(linkText(findings.link));
    }
    const told = { roundTrip: false };
    const plan = { durationMs: flags.duration, signal };
    await measure(
      connection,
      plan,
      clock,
      collector(findings, () => {
        if (told.roundTrip || flags.json || !findings.roundTrip) return;
        told.roundTrip = true;
        void terminal.printLines(`\n${roundTripText(findings.roundTrip)}`);
      }),
    );
    isComplete = findings.throughput.every(({ complete }) => complete);
  } catch (error) {
    throw explained(error, connection, findings);
  } finally {
    isOver = true;
    if (isComplete) await connection.close();
    else connection.destroy(); // what is still under way would hold the end up
    if (flags.json) await terminal.print(JSON.stringify(asJson(findings, isComplete)));
    else if (findings.throughput.length > 0) await terminal.printLines(`\n${throughputText(findings)}`);
  }
}

/** Who does not answer the first question needs something started at the other end. */
function explained(error: unknown, connection: Connection, { otherEnd, link }: Findings): unknown {
  const isSilent = isSerpyError(error) && error.code === 'ERR_SERPY_TIMEOUT' && otherEnd === undefined;
  if (!isSilent) return error;
  return failure(
    `${addressOf(connection.remote ?? link)} was reached and sends nothing back: start "serpy bench --listen" there, "serpy simulate echo", ` +
      'or any program that sends back what it gets',
    error,
  );
}
