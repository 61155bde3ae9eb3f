/** `serpy doctor`: checks this computer or a peer, and says what to do about each problem. */
import { statSync } from 'node:fs';
import { Command } from 'commander';
import type { ConnectOptions } from 'serpy';
import { systemHostInfo } from '../doctor/checks/host-info.js';
import { Peer, sentTo, shownUrl, type Target } from '../doctor/checks/peer.js';
import { computerChecks } from '../doctor/computer-checks.js';
import { recordingLines } from '../doctor/examine-recording.js';
import { peerChecks } from '../doctor/peer-checks.js';
import { asJson, count, linesOf } from '../doctor/report.js';
import { type CheckOutcome, runChecks } from '../doctor/run-checks.js';
import type { Context } from '../environment/context.js';
import { failure, usageError } from '../failure.js';
import {
  addConnectionOptions,
  type ConnectionFlags,
  connectionOptions,
  defaultPort,
} from '../flags/connection-flags.js';
import { helpText } from '../flags/help-text.js';
import { wholeNumber } from '../flags/value-parsers.js';

interface DoctorFlags extends ConnectionFlags {
  readonly checkPort?: number;
  readonly connectOnly?: boolean;
  readonly json?: true;
}

export function doctor(context: Context): Command {
  const command = new Command('doctor')
    .summary('Check this computer or a peer')
    .description(
      helpText('Check this computer or a peer, and say what to do about each problem.', context, [
        ['this computer', 'serpy doctor'],
        ['whether a port of this computer is free', 'serpy doctor --check-port 5001'],
        ['a peer, with one connection and a short text', 'serpy doctor serpy://192.168.1.20:5001'],
        ['an instrument that treats every text as a command', 'serpy doctor serpy://192.168.1.20:5001 --connect-only'],
        ['a recording', 'serpy doctor run-1'],
        ['a file for a bug report', 'serpy doctor --json > doctor.json'],
      ]),
    )
    .option(
      '--check-port <number>',
      'check that this port of this computer is free',
      wholeNumber('--check-port', 1, 65_535),
    )
    .option(
      '--connect-only',
      'send nothing to the peer: connect and listen for 1 s (with a key or --tls, only the TLS handshake is sent)',
    )
    .option('--json', 'print one JSON object for a bug report; it contains no key');
  return addConnectionOptions(
    command,
    { end: 'connect', reconnects: false, waits: false },
    'none: this computer',
  ).action((url: string | undefined, flags: DoctorFlags) => run(url, flags, context));
}

async function run(url: string | undefined, flags: DoctorFlags, context: Context): Promise<void> {
  if (url !== undefined && isFolder(url)) {
    await context.terminal.print(`serpy doctor: ${url}`);
    for (const line of recordingLines(url)) await context.terminal.print(line);
    return;
  }
  const { terminal, interruption } = context;
  const hostInfo = systemHostInfo(context);
  const { clock } = hostInfo;
  const target = targetOf(url, flags, context);
  if (target && flags.checkPort !== undefined) throw usageError('--check-port is for this computer: omit the peer');
  const subject = target ? shownUrl(target, target.protocol) : 'this computer';
  const peer = target && new Peer(target, hostInfo);
  const { signal } = interruption;
  const port = { number: flags.checkPort ?? defaultPort, isRequested: flags.checkPort !== undefined };
  const examination = peer
    ? runChecks(peerChecks, (limit) => ({ hostInfo, peer, signal: limit }), clock, signal)
    : runChecks(computerChecks(port), (limit) => ({ hostInfo, signal: limit }), clock, signal);
  const results: CheckOutcome[] = [];
  try {
    if (!flags.json) await terminal.print(`serpy doctor: ${subject}`);
    for await (const result of examination) {
      results.push(result);
      if (!flags.json) for (const line of linesOf(result, terminal.colors)) await terminal.print(...line);
    }
  } finally {
    await peer?.close();
  }
  if (flags.json)
    await terminal.printLines(
      JSON.stringify(asJson(subject, results, hostInfo, target && sentTo(target)), undefined, 2),
    );
  if (signal.aborted) throw failure('interrupted: the remaining checks did not run');
  const [failed, skipped, warned] = [count(results, 'FAIL'), count(results, 'skip'), count(results, 'warn')];
  if (failed > 0) {
    const first = failed === 1 ? 'the line' : 'the first line';
    throw failure(`${failed} failed, ${skipped} skipped. Fix ${first} marked FAIL first.`);
  }
  if (!flags.json)
    await terminal.print(warned > 0 ? 'No check failed; see the lines marked warn.' : 'All checks passed.');
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** The peer that the flags name; undefined for this computer. */
function targetOf(url: string | undefined, flags: DoctorFlags, context: Context): Target | undefined {
  const { protocol, host, port, keyFile, tls, tlsCa, tlsCert, tlsKey, config, option } = flags;
  const named = [url, protocol, host, port, keyFile, tls, tlsCa, tlsCert, tlsKey, config, option];
  if (named.every((each) => each === undefined)) return undefined;
  const options = connectionOptions(url, flags, 'connect', context);
  return {
    // The doctor detects whether the peer speaks v1 or v2, whatever the URL says.
    options: {
      closeTimeoutMs: 1000,
      ...options,
      protocol: options.protocol === 'lines' ? 'lines' : 'auto',
    } as ConnectOptions,
    protocol: options.protocol,
    host: options.host ?? '127.0.0.1',
    port: options.port,
    secured: options.key !== undefined || (options.tls !== undefined && options.tls !== false),
    maySend: flags.connectOnly !== true,
  };
}
