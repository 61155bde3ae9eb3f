/** An interval of messages that a user marks. */
import { OptionError } from 'serpy-core';
import { RecordingError } from '../errors.js';
import { maxLabelLength, maxMarks } from './format.js';

/** Messages of a recording, by number; the last one is part of it. */
export interface Interval {
  readonly first: number;
  readonly last: number;
  /** At most 200 characters. */
  readonly label?: string | undefined;
}

/**
 * @param messages the number of messages of the recording
 * @param marks the number of its marks
 * @throws `ERR_SERPY_OPTION`, `ERR_RECORDING_RANGE`
 */
export function checkInterval({ first, last, label = '' }: Interval, messages: number, marks: number): void {
  for (const [name, value] of Object.entries({ first, last })) {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new OptionError(`${name} is the number of a message, from 0, not ${String(value)}`);
  }
  if (typeof label !== 'string' || label.length > maxLabelLength)
    throw new OptionError(`label is a text of at most ${maxLabelLength} characters`);
  if (first > last) throw new OptionError(`a mark begins at its first message: ${first} comes after ${last}`);
  if (last >= messages) {
    const range = messages === 0 ? 'the recording has no message yet' : `its messages are 0 to ${messages - 1}`;
    throw new RecordingError('ERR_RECORDING_RANGE', `there is no message ${last}: ${range}`);
  }
  if (marks >= maxMarks)
    throw new RecordingError('ERR_RECORDING_RANGE', `a recording has at most ${maxMarks} marks: mark larger intervals`);
}
