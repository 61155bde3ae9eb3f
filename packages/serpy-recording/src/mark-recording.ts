/** Marks an interval of a recording that was closed: adds a line after its last one, and continues the chain. */
import { appendFileSync, closeSync, constants, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { errorText, RecordingError } from './errors.js';
import { chainOf, seal, unseal } from './format/chain.js';
import { files, type ListedMark, maxMarks, rounded } from './format/format.js';
import { checkInterval, type Interval } from './format/interval.js';
import { readAbout } from './reader/about.js';
import { checkedLine, damaged } from './reader/index-reader.js';
import { OpenFiles } from './reader/open-files.js';
import { type RecordingClock, systemClock } from './system-clock.js';

/** Longer than the longest last line and all marks after it. */
const tailBytes = 4 * 2 ** 20;

const lockName = '.serpy-mark.lock';

/** Marking takes milliseconds: an older lock is that of a program that was killed. */
const staleLockMs = 10_000;

/**
 * Marks messages of a closed recording. A recording that is not closed can only be marked by its recorder, with `writer.event`.
 * @throws `ERR_RECORDING_OPEN` if it is not closed, or another program marks it; `ERR_RECORDING_RANGE`, `ERR_RECORDING_DAMAGED`,
 * `ERR_RECORDING_FOLDER` if the folder cannot be written, `ERR_SERPY_OPTION`
 */
export function markRecording(folder: string, interval: Interval, clock: RecordingClock = systemClock): ListedMark {
  const { startedWallMs } = readAbout(folder);
  return locked(folder, clock.wallMs(), () => {
    const { n, marks, chain } = endOf(folder);
    checkInterval(interval, n, marks);
    const { first, last, label } = interval;
    const wallMs = rounded(clock.wallMs());
    const times = { timeMs: Math.max(0, rounded(wallMs - startedWallMs)), wallMs };
    const mark: ListedMark = { n, ...times, type: 'mark', file: null, first, last, ...(label ? { label } : {}) };
    const text = JSON.stringify(mark).slice(0, -1);
    append(join(folder, files.index), seal(text, chainOf(chain, '', text)));
    return mark;
  });
}

/** The end of the index: the number of messages, of marks after the end, and the hash of the last line. */
function endOf(folder: string): { readonly n: number; readonly marks: number; readonly chain: string } {
  const opened = new OpenFiles(folder);
  try {
    const index = opened.open(files.index);
    const start = Math.max(0, index.size - tailBytes);
    const lines = index.some(start, tailBytes).toString('utf8').split('\n');
    if (lines.pop() !== '') throw notClosed(folder);
    const parsed = lines.slice(-maxMarks - 1).map((line) => ({ line, fields: parsedLine(line) }));
    const end = parsed.findLastIndex(({ fields }) => fields?.type !== 'mark');
    const { fields } = parsed[end] ?? {};
    if (fields === undefined || fields.type !== 'end') throw notClosed(folder);
    const chain = unseal(parsed.at(-1)?.line ?? '')?.chain;
    if (chain === undefined) throw new SyntaxError('the last line of the index has no hash');
    return { n: fields.n, marks: parsed.length - 1 - end, chain };
  } catch (error) {
    throw damaged(folder, errorText(error), error);
  } finally {
    opened.close();
  }
}

function parsedLine(line: string) {
  try {
    return checkedLine(JSON.parse(line));
  } catch {
    return undefined; // the first one may be a part of a line
  }
}

function notClosed(folder: string): RecordingError {
  return new RecordingError(
    'ERR_RECORDING_OPEN',
    `the recording ${folder} was not closed, so only its recorder can mark it: end the recording, or mark in the page that records`,
  );
}

/** The line in one call, so that readers see all of it or nothing. */
function append(path: string, line: string): void {
  // A link that took the place of the index would lead to another file.
  const { O_WRONLY, O_APPEND, O_NOFOLLOW = 0 } = constants;
  const file = openSync(path, O_WRONLY | O_APPEND | O_NOFOLLOW);
  try {
    appendFileSync(file, line);
  } finally {
    closeSync(file);
  }
}

/** Two programs that mark at the same time would both continue the same line. */
function locked<R>(folder: string, nowMs: number, work: () => R): R {
  const path = join(folder, lockName);
  try {
    if (nowMs - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.NaN) > staleLockMs) rmSync(path);
    const lock = openSync(path, 'wx');
    writeSync(lock, String(process.pid));
    closeSync(lock);
  } catch (error) {
    const isHeld = (error as NodeJS.ErrnoException).code === 'EEXIST';
    throw new RecordingError(
      isHeld ? 'ERR_RECORDING_OPEN' : 'ERR_RECORDING_FOLDER',
      isHeld
        ? `another program marks ${folder}: try again`
        : `cannot mark ${folder}: ${errorText(error)}; copy the recording to a folder that you can write`,
      { cause: error },
    );
  }
  try {
    return work();
  } finally {
    rmSync(path, { force: true });
  }
}
