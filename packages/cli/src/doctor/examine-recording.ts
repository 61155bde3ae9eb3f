/** `serpy doctor FOLDER`: the state of a recording, and what to do. It repairs nothing: readers ignore what is incomplete. */
import { openRecording, type RecordingInfo } from 'serpy-recording';
import { isoTime } from '../environment/system.js';
import { formatBytes, formatCount, formatInteger } from '../format.js';

/** The state of a recording in lines. Throws what `openRecording` and `info` throw. */
export function recordingLines(folder: string): string[] {
  const info = openRecording(folder).info();
  const { messages, url, startedWallMs, durationMs, note } = info;
  return [
    `a recording of ${url ?? 'an unknown address'}, started ${isoTime(startedWallMs)}`,
    ...(note === undefined ? [] : [`note: ${note}`]),
    `${formatCount(messages)} in ${formatInteger(durationMs / 1000)} s: ${filesOf(info)}`,
    lossesOf(info),
    ...marksOf(info),
    ...stateOf(folder, info),
  ];
}

function filesOf({ messagesOfFile, arrays }: RecordingInfo): string {
  const listed = Object.entries(messagesOfFile).map(([file, count]) => `${formatInteger(count)} in ${file}`);
  const unlisted = arrays.filter(({ file, count }) => count > (messagesOfFile[file] ?? 0)).length;
  const more =
    unlisted === 0 ? '' : `; ${unlisted} ${unlisted === 1 ? 'file has' : 'files have'} arrays after the last line`;
  const shown = listed.length > 8 ? [...listed.slice(0, 8), `${listed.length - 8} more files`] : listed;
  return `${shown.length === 0 ? 'no messages' : shown.join(', ')}${more}`;
}

function lossesOf({ gaps, dropped, reconnects }: RecordingInfo): string {
  const back = `${reconnects} ${reconnects === 1 ? 'reconnect' : 'reconnects'} without loss`;
  if (gaps === 0 && dropped === 0) return `no gap, ${back}`;
  const count = `${gaps} ${gaps === 1 ? 'gap' : 'gaps'}, ${formatInteger(dropped)} dropped, ${back}`;
  return `messages are missing: ${count}; the lines of these types in index.jsonl say when`;
}

/** The marks in order, the last ones if there are many. */
function marksOf({ marks }: RecordingInfo): string[] {
  const lines = marks
    .slice(-shownMarks)
    .map(({ first, last, label }) => `  messages ${first} to ${last}${label === undefined ? '' : `: ${label}`}`);
  const shown = marks.length > shownMarks ? `, the last ${shownMarks}` : '';
  return marks.length === 0 ? [] : [`${formatInteger(marks.length)} marked${shown}:`, ...lines];
}

const shownMarks = 20;

function stateOf(folder: string, { isClosed, incompleteBytes }: RecordingInfo): string[] {
  const verifyIt = `"serpy verify ${folder}" compares all files with their hashes`;
  if (isClosed) return ['closed: nothing is to be done', verifyIt];
  const rest = incompleteBytes === 0 ? '' : `; ${formatBytes(incompleteBytes)} of an incomplete last line are ignored`;
  return [
    `not closed: the recorder is running, or it was killed${rest}`,
    'nothing needs repair, and nothing was changed: replay, export and numpy read it as it is',
    verifyIt,
  ];
}
