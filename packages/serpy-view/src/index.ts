/** serpy-view: a live web page for what instruments send. */

// The types of sources, so that a program needs no other package for them.
export type * from 'serpy-hub';
export type * from 'serpy-recording';
export type { Preview } from './panels/preview.js';
export { qrCode } from './qr-code.js';
export type { RecordingEnd, RecordOptions } from './recording/recorder.js';
export { recordingSnippets } from './recording/recording-snippets.js';
export type { ShowOptions } from './show-options.js';
export {
  type ArrayFileSnippet,
  type ConnectionSnippet,
  type SnippetDescription,
  type SnippetLanguage,
  snippetLanguages,
  snippetOf,
  type ValueFileSnippet,
} from './snippets/snippets.js';
export type { ViewClock } from './system.js';
export { openView, type View, type ViewOptions } from './view.js';
