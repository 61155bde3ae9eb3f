/** serpy-view: a live web page for what instruments send. */

export type { Hub, SourceInput } from 'serpy-hub';
export { qrCode } from './qr-code.js';
export type { ViewClock } from './system.js';
export { openView, type ShowOptions, type View, type ViewOptions } from './view.js';
