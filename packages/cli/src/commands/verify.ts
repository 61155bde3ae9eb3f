/** `serpy verify`: whether a recording is complete and unaltered. */
import { Command } from 'commander';
import { type Verification, verifyRecording } from 'serpy-recording';
import type { Context } from '../environment/context.js';
import { isoTime } from '../environment/system.js';
import { failure, usageError } from '../failure.js';
import { helpText } from '../flags/help-text.js';
import { formatBytes, formatCount, formatInteger } from '../format.js';

interface Flags {
  readonly hash?: string;
  readonly json?: true;
}

export function verify(context: Context): Command {
  return new Command('verify')
    .summary('Check that a recording is complete and unaltered')
    .description(
      helpText(
        'Check that a recording is complete and unaltered: every message has its number and its hash. Nothing is changed.',
        context,
        [
          ['a recording, finished or not', 'serpy verify run-1'],
          ['that it still contains what was verified before', `serpy verify run-1 --hash ${'9f86d081'}…`],
        ],
      ),
    )
    .argument('<folder>', 'a folder of "serpy record"')
    .option('--hash <sha256>', 'the hash that an earlier "serpy verify" has printed', hashText)
    .option('--json', 'print one JSON object')
    .action((folder: string, flags: Flags) => run(folder, flags, context));
}

function hashText(text: string): string {
  const hash = text.trim().toLowerCase();
  if (/^[0-9a-f]{64}$/.test(hash)) return hash;
  throw usageError(`--hash takes the 64 characters that "serpy verify" prints, not '${text.slice(0, 100)}'`);
}

async function run(folder: string, { hash, json }: Flags, { terminal, interruption }: Context): Promise<void> {
  const found = await verifyRecording(folder, { hash, signal: interruption.signal });
  if (json) await terminal.printLines(JSON.stringify({ folder, ...found }, undefined, 2));
  else for (const line of linesOf(folder, found)) await terminal.print(line);
  const [problem] = found.problems;
  if (problem !== undefined) {
    const more = found.problems.length - 1;
    throw failure(`${problem}${more > 0 ? `; ${more} more ${more === 1 ? 'problem' : 'problems'}` : ''}`);
  }
  if (!found.isComplete) throw failure(`messages are missing: ${lossesOf(found)}. index.jsonl says where`);
}

function linesOf(folder: string, found: Verification): string[] {
  const { messages, startedWallMs, lastWallMs, problems, hash } = found;
  const times = `from ${isoTime(startedWallMs)} to ${isoTime(lastWallMs)}`;
  return [
    `${folder}: ${formatCount(messages)}, ${times}`,
    ...(problems.length === 0 ? ['unaltered: each message and each line has its hash'] : ['ALTERED:']),
    ...problems.map((problem) => `  ${problem}`),
    `${found.isComplete ? 'complete' : 'NOT COMPLETE'}: ${lossesOf(found)}${numbersOf(found)}`,
    ...(found.marks === 0 ? [] : [`${formatInteger(found.marks)} ${found.marks === 1 ? 'mark' : 'marks'}`]),
    endOf(found),
    `hash: ${hash}`,
  ];
}

function lossesOf({ gaps, dropped, reconnects }: Verification): string {
  const parts = [
    `${formatInteger(gaps)} ${gaps === 1 ? 'gap' : 'gaps'}`,
    `${formatInteger(dropped)} dropped`,
    `${formatInteger(reconnects)} ${reconnects === 1 ? 'reconnect' : 'reconnects'} without loss`,
  ];
  return parts.join(', ');
}

/** What numbers the messages had on the way. */
function numbersOf({ sessions, otherPeers }: Verification): string {
  if (sessions > 0 && otherPeers === 0) return '; the session numbered all messages';
  return otherPeers > 0 ? '; without a session messages have no numbers, and only breaks are marked' : '';
}

function endOf({ isClosed, unlistedBytes }: Verification): string {
  if (isClosed) return 'closed: this is the whole recording';
  const sizes = Object.entries(unlistedBytes).map(([file, bytes]) => `${formatBytes(bytes)} in ${file}`);
  const rest = sizes.length === 0 ? '' : `; after the last line: ${sizes.slice(0, 5).join(', ')}`;
  return `not closed: the recorder is running, or it was killed${rest}`;
}
