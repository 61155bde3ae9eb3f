/** The errors of recordings. Match them by `code`. */

/**
 * `ERR_RECORDING_NOT_FOUND`: the folder is not a recording. `ERR_RECORDING_VERSION`: another version of the format. `ERR_RECORDING_DAMAGED`: a file
 * is damaged. `ERR_RECORDING_RANGE`: the recording has no such file or array. `ERR_RECORDING_FOLDER`: a recording cannot begin in the folder.
 * `ERR_RECORDING_OPEN`: the recording is not closed, or another program writes it. `ERR_RECORDING_ENDED`: the disk could not store a message, and the recording ended.
 */
export type RecordingErrorCode =
  | 'ERR_RECORDING_NOT_FOUND'
  | 'ERR_RECORDING_VERSION'
  | 'ERR_RECORDING_DAMAGED'
  | 'ERR_RECORDING_RANGE'
  | 'ERR_RECORDING_FOLDER'
  | 'ERR_RECORDING_OPEN'
  | 'ERR_RECORDING_ENDED';

/** An error of a recording. `cause` is the error of the system, if there is one. */
export class RecordingError extends Error {
  override readonly name = 'RecordingError';
  readonly code: RecordingErrorCode;

  constructor(code: RecordingErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The codes of the system for errors of files, in words. */
const fileCodes: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EEXIST: 'it already exists',
  EFBIG: 'the file would exceed the size limit',
  EISDIR: 'it is a folder',
  EMFILE: 'too many files are open',
  ENOENT: 'no such file or folder',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of the path is not a directory',
  EPERM: 'operation not permitted',
  EROFS: 'the file system is read-only',
};

/** An error as the part of a sentence. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, path } = error as NodeJS.ErrnoException;
  const words = code === undefined ? undefined : fileCodes[code];
  if (!words) return error.message;
  return path === undefined ? `${words} (${code})` : `${path}: ${words} (${code})`;
}
