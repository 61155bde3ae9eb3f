/** Errors as a user sees them: one sentence on stderr and an exit status. */
import { CommanderError } from 'commander';
import { isSerpyError } from 'serpy';
import { RecordingError } from 'serpy-recording';
import type { Context } from './environment/context.js';

/** 0: success. 1: failure. 2: the command line is wrong, so the same command line fails again. */
export type ExitStatus = 0 | 1 | 2;

/** An error that has an exit status. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly status: ExitStatus;

  constructor(status: ExitStatus, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** The command did not succeed. @param message one sentence that says what to do */
export function failure(message: string, cause?: unknown): Failure {
  return new Failure(1, message, { cause });
}

/** The command line is wrong. @param message one sentence that says what is right */
export function usageError(message: string, cause?: unknown): Failure {
  return new Failure(2, message, { cause });
}

/** Errors of the package `serpy` that only another command line avoids. */
const usageCodes: readonly string[] = ['ERR_SERPY_OPTION', 'ERR_SERPY_INSECURE'];

/** Errors of the file system that only another path avoids. */
const pathCodes: readonly (string | undefined)[] = ['EEXIST', 'EISDIR', 'ENOENT', 'ENOTDIR'];

/** The system's codes for errors of files, in words. */
const fileCodes: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EEXIST: 'it already exists',
  EISDIR: 'it is a folder',
  EMFILE: 'too many files are open',
  ENOENT: 'no such file or folder',
  ENOSPC: 'the disk is full',
  EFBIG: 'the file would exceed the size limit',
  ENOTDIR: 'a part of the path is not a directory',
  EPERM: 'operation not permitted',
  EROFS: 'the file system is read-only',
};

/** Prints an error as one sentence with its code, and its stack under `--debug`. Returns the exit status. */
export function report(error: unknown, { terminal, interruption }: Context, isDebugging: boolean): ExitStatus {
  if (error instanceof CommanderError) return 2; // commander has printed it
  if (interruption.cause === 'closed pipe') return 0;
  if (isDebugging) for (const line of inspectError(error).split('\n')) terminal.note(line);
  const sentence = toSentence(error, interruption.signal);
  const code = sentence === interrupted ? undefined : serpyCodeOf(error);
  terminal.note(terminal.noteColors.red('serpy:'), ` ${sentence}${code === undefined ? '' : ` [${code}]`}`);
  return statusOf(error);
}

const interrupted = 'interrupted';

/** An error in one sentence, without its code of serpy. */
export function toSentence(error: unknown, signal?: AbortSignal): string {
  if (!(error instanceof Error)) return String(error);
  if (isSerpyError(error) && error.code === 'ERR_SERPY_ABORTED' && signal?.aborted) return interrupted;
  if (isSerpyError(error) && error.code === 'ERR_SERPY_INSECURE') return insecureSentence(error.message);
  const { code, path } = error as NodeJS.ErrnoException;
  const words = code === undefined ? undefined : fileCodes[code];
  if (words && path !== undefined) return `${path === '' ? 'an empty file name' : path}: ${words} (${code})`;
  if (words) return `${words} (${code})`;
  return error.message;
}

/** The danger in the words of the package `serpy`, and the flags in place of its options. */
function insecureSentence(message: string): string {
  const [, danger] = /^(.*?)[:.;] give /is.exec(message) ?? [];
  if (danger === undefined) return message;
  const secure = 'give both ends the same --key-file (from "serpy keygen") or certificates';
  // With --insecure it is a warning.
  return danger.includes('insecure: true')
    ? `${danger}: ${secure}`
    : `${danger}: ${secure}, listen on 127.0.0.1, or add --insecure`;
}

/** The code in docs/errors.md: of this error, or of the one that caused a failure. */
function serpyCodeOf(error: unknown): string | undefined {
  if (isSerpyError(error)) return error.code;
  return error instanceof Failure && isSerpyError(error.cause) ? error.cause.code : undefined;
}

/** The exit status of a command that ends with this error. */
export function statusOf(error: unknown): ExitStatus {
  if (error instanceof Failure) return error.status;
  if (isSerpyError(error)) return usageCodes.includes(error.code) ? 2 : 1;
  if (error instanceof RecordingError) return recordingStatus(error);
  const { code, path } = (error ?? {}) as NodeJS.ErrnoException;
  return path !== undefined && pathCodes.includes(code) ? 2 : 1;
}

/** Another folder avoids these errors. */
function recordingStatus({ code, cause }: RecordingError): ExitStatus {
  if (code === 'ERR_RECORDING_FOLDER') return cause === undefined ? 2 : statusOf((cause as Error).cause ?? cause);
  return code === 'ERR_RECORDING_NOT_FOUND' ? 2 : 1;
}

/** The stack of an error and of what caused it. */
function inspectError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by ${inspectError(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
