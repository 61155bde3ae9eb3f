/** The messages of a recording, for tests. */
import { openRecording, type Recorded } from 'serpy-recording';

export function readRecording(folder: string): Generator<Recorded, void, undefined> {
  return openRecording(folder).messages();
}
