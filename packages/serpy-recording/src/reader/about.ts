/** Reads `recording.json`. */
import { join } from 'node:path';
import { RecordingError } from '../errors.js';
import { files, formatName, formatVersion, maxAboutBytes, type RecordingAbout } from '../format/format.js';
import { openRecorded, type RecordedFile } from './recorded-file.js';

/** The bytes of `recording.json`; undefined if there is no such file. */
export function aboutBytes(folder: string): Buffer | undefined {
  let file: RecordedFile | undefined;
  try {
    file = openRecorded(join(folder, files.about));
    return file.start(maxAboutBytes);
  } catch {
    return undefined;
  } finally {
    file?.close();
  }
}

/** @throws `ERR_RECORDING_NOT_FOUND` for a folder without a recording, `ERR_RECORDING_VERSION` for another version */
export function readAbout(folder: string): RecordingAbout {
  const about = parsed(aboutBytes(folder));
  if (about?.format !== formatName) {
    throw new RecordingError(
      'ERR_RECORDING_NOT_FOUND',
      `${folder} is not a recording: name a folder of "serpy record" or createRecording`,
    );
  }
  const { version } = about;
  if (version === formatVersion) return about as RecordingAbout;
  const remedy =
    Number(version) < formatVersion
      ? 'read it with the version of serpy that recorded it; numpy opens its .npy files'
      : 'update serpy-cli and serpy-recording';
  throw new RecordingError(
    'ERR_RECORDING_VERSION',
    `the recording ${folder} has version ${JSON.stringify(version)} of the format, and this program reads version ${formatVersion}: ${remedy}`,
  );
}

function parsed(bytes: Buffer | undefined): Partial<RecordingAbout> | undefined {
  try {
    return (JSON.parse(String(bytes)) ?? undefined) as Partial<RecordingAbout> | undefined;
  } catch {
    return undefined;
  }
}
