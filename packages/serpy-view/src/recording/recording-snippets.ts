/** What a program of another language reads of a recording: one description for each file. */
import type { Recording } from 'serpy-recording';
import type { SnippetDescription } from '../snippets/snippets.js';

/** Units are those of the first messages. */
const maxLines = 10_000;

/** @param folder its name as a program finds it */
export function recordingSnippets(recording: Recording, folder = recording.folder): readonly SnippetDescription[] {
  const units = new Map<string, string | undefined>();
  for (const line of recording.index({ to: maxLines }))
    if ('row' in line && !units.has(line.file)) units.set(line.file, line.about?.unit);
  const arrays = recording.arrays().map(({ file, dtype, shape, headerBytes }) => ({
    kind: 'arrays' as const,
    folder,
    file,
    dtype,
    shape,
    headerBytes,
    unit: units.get(file),
  }));
  return [...arrays, { kind: 'values', folder, file: 'values.jsonl' }];
}
