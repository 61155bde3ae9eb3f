/** Errors as a person sees them: one sentence on stderr and an exit status. */
import { CommanderError } from 'commander';
import { isSerpyError } from 'serpy';
import type { Context } from './environment/context.js';

/** 0: done. 1: it failed. 2: it was typed wrong, so typing the same again will not help. */
export type ExitStatus = 0 | 1 | 2;

/** An error that knows its exit status. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly status: ExitStatus;

  constructor(status: ExitStatus, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** What was asked for did not succeed. @param message one sentence that says what to do */
export function failure(message: string, cause?: unknown): Failure {
  return new Failure(1, message, { cause });
}

/** What was typed makes no sense. @param message one sentence that says what would */
export function usageError(message: string, cause?: unknown): Failure {
  return new Failure(2, message, { cause });
}

/** Errors of the facade that say that something else must be typed. */
const usageCodes: readonly string[] = ['ERR_SERPY_OPTION', 'ERR_SERPY_INSECURE'];

/** What systems say of files, in words. */
const fileCodes: Readonly<Record<string, string>> = {
  EACCES: 'this user may not do that there',
  EEXIST: 'it is there already',
  EISDIR: 'it is a folder',
  EMFILE: 'too many files are open',
  ENOENT: 'there is no such file or folder',
  ENOSPC: 'the disk is full',
  EFBIG: 'the file would be larger than is allowed',
  ENOTDIR: 'a part of the path is no folder',
  EPERM: 'this user may not do that there',
  EROFS: 'nothing can be written there',
};

/** Tells of an error in one sentence, with its stack only under `--debug`. Returns the exit status. */
export function report(error: unknown, { terminal, interruption }: Context, isDebugging: boolean): ExitStatus {
  if (error instanceof CommanderError) return 2; // commander has told of it
  if (interruption.cause === 'closed pipe') return 0;
  if (isDebugging) for (const line of inspectError(error).split('\n')) terminal.note(line);
  terminal.note(terminal.noteColors.red('serpy:'), ` ${toSentence(error, interruption.signal)}`);
  return statusOf(error);
}

/** An error in one sentence. */
export function toSentence(error: unknown, signal?: AbortSignal): string {
  if (!(error instanceof Error)) return String(error);
  if (isSerpyError(error) && error.code === 'ERR_SERPY_ABORTED' && signal?.aborted) return 'interrupted';
  if (isSerpyError(error) && error.code === 'ERR_SERPY_INSECURE' && /[.:] give /i.test(error.message))
    return insecureSentence(error.message);
  const { code, path } = error as NodeJS.ErrnoException;
  const words = code === undefined ? undefined : fileCodes[code];
  if (words && path !== undefined) return `${path === '' ? 'a name of no characters' : path}: ${words} (${code})`;
  if (words) return `${words} (${code})`;
  return error.message;
}

/** What the facade says of the danger, and what to type. */
function insecureSentence(message: string): string {
  const danger = message.replace(/[.:] give .*$/is, '');
  return `${danger}: give both ends the same --key-file ("serpy keygen" makes it) or certificates, listen on 127.0.0.1 for this computer alone, or say --insecure`;
}

/** The exit status of a command that ends with this error. */
export function statusOf(error: unknown): ExitStatus {
  if (error instanceof Failure) return error.status;
  return isSerpyError(error) && usageCodes.includes(error.code) ? 2 : 1;
}

/** The stack of an error and of what caused it. */
function inspectError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by ${inspectError(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
