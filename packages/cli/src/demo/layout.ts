/** The screen of the demo as lines that fit. */
import { printable } from '../environment/terminal.js';
import { formatInteger } from '../format.js';
import type { ColorDepth } from '../ui/color-depth.js';
import { sparkline } from './sparkline.js';
import { type Image, thumbnail, thumbnailSize } from './thumbnail.js';

/** One of the two connections, as the client sees it. */
export interface LinkView {
  readonly state: string;
  readonly url: string;
  readonly perSecond: number;
  readonly bytesPerSecond: number;
  readonly queue: number;
  readonly drops: number;
  readonly reconnects: number;
  readonly received: number;
}

export interface View {
  readonly camera: LinkView;
  readonly counter: LinkView;
  readonly image: Image | undefined;
  /** Photons per second: recent values, and the current one. */
  readonly countRates: readonly number[];
  readonly countRate: number;
  /** The last event. */
  readonly status: string;
  /** The current recording, if any. */
  readonly recording: string | undefined;
  /** How to start this command: it may not be installed. */
  readonly command: string;
}

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

const title = 'serpy demo: a simulated camera, a photon counter and a client';
const keys = 'u pulls the cable   r records   s saves a PNG   q quits';
const briefKeys = 'u cable  r record  s PNG  q quit';

/** Lines below the picture, and the smallest height of a picture. */
const linesBelow = 4;
const minPictureRows = 5;
const tableColumns = 32;

/** At most `rows` lines of fewer than `columns` characters, because terminals differ in how a character in the last column moves the cursor. */
export function layout(view: View, { columns, rows }: Size, depth: ColorDepth): string[] {
  const width = columns - 1;
  const pictureRows = rows - linesBelow - 3; // the title, and a blank line above and below
  const isWide = pictureRows >= 8 && width >= tableColumns + 20;
  const lines = isWide ? wide(view, width, pictureRows, depth) : narrow(view, width, pictureRows, depth);
  return [cut(title, width), ...lines, ...below(view, width, depth)].slice(0, rows);
}

/** The picture with the table beside it. */
function wide(view: View, width: number, pictureRows: number, depth: ColorDepth): string[] {
  const { lines, columns } = picture(view.image, width - tableColumns - 2, pictureRows, depth);
  const figures = table(view);
  const both = Array.from({ length: Math.max(lines.length, figures.length) }, (_, row) => {
    return `${lines[row] ?? ' '.repeat(columns)}  ${figures[row] ?? ''}`.trimEnd();
  });
  return ['', ...both, ''];
}

/** The picture if it fits, and the table in two lines. */
function narrow(view: View, width: number, pictureRows: number, depth: ColorDepth): string[] {
  const figures = (['camera', 'counter'] as const).map((name) =>
    cut(`${name.padEnd(8)}${figuresOf(view[name])}`, width),
  );
  const freeRows = pictureRows - 2;
  return freeRows >= minPictureRows ? [...picture(view.image, width, freeRows, depth).lines, ...figures] : figures;
}

function picture(image: Image | undefined, columns: number, rows: number, depth: ColorDepth) {
  const size = thumbnailSize(image ?? { data: [], width: 4, height: 3 }, columns, rows);
  const lines = image
    ? thumbnail(image, size.columns, size.rows, depth)
    : Array<string>(size.rows).fill(' '.repeat(size.columns));
  return { lines, columns: size.columns };
}

function table({ camera, counter, recording }: View): string[] {
  const row = (label: string, of: (link: LinkView) => string) =>
    `${label.padEnd(12)}${of(camera).padEnd(13)}${of(counter)}`.trimEnd();
  return [
    `${''.padEnd(12)}${'camera'.padEnd(13)}counter`,
    row('link', ({ state }) => (state === 'connected' ? 'up' : 'down')),
    row('protocol', ({ url }) => url.replace(/^serpy(\d).*/, 'v$1')),
    row('fps', ({ perSecond }) => perSecond.toFixed(1)),
    row('MB/s', ({ bytesPerSecond }) => (bytesPerSecond / 1e6).toFixed(2)),
    row('queue', ({ queue }) => String(queue)),
    row('drops', ({ drops }) => formatInteger(drops)),
    row('reconnects', ({ reconnects }) => String(reconnects)),
    row('received', ({ received }) => formatInteger(received)),
    '',
    ...(recording === undefined ? [] : ['recording', recording.slice(0, tableColumns)]),
  ];
}

/** The figures of a connection in one line. */
export function figuresOf({ state, perSecond, bytesPerSecond, queue, drops, reconnects }: LinkView): string {
  const link = state === 'connected' ? '' : 'link down, ';
  const speed = `${perSecond.toFixed(1)} fps, ${(bytesPerSecond / 1e6).toFixed(2)} MB/s`;
  return `${link}${speed}, queue ${queue}, drops ${formatInteger(drops)}, reconnects ${reconnects}`;
}

function below({ countRates, countRate, status, camera, command }: View, width: number, depth: ColorDepth): string[] {
  const label = 'count rate ';
  const rate = ` ${formatInteger(countRate)} /s`;
  const recordIt = `${command} record ${camera.url} run-1`;
  const bars = sparkline(countRates, width - label.length - rate.length, depth === 'none');
  return [
    cut(`${label}${bars}${rate}`, width),
    cutBetweenWords(printable(status), width),
    cut(keys.length <= width ? keys : briefKeys, width),
    firstThatFits(
      [`try next, in another terminal: ${recordIt}`, `try next: ${recordIt}`, recordIt, `camera: ${camera.url}`],
      width,
    ),
  ];
}

/** Cuts only between words: a URL or path that is cut would be another one. */
function cutBetweenWords(line: string, width: number): string {
  if (line.length <= width) return line;
  const [whole = ''] = /^.*(?=\s)/s.exec(line.slice(0, Math.max(0, width - 1))) ?? [];
  return cut(`${whole} …`, width);
}

/** The first line that fits, or an empty one. */
function firstThatFits(lines: readonly string[], width: number): string {
  return lines.find((line) => line.length <= width) ?? '';
}

function cut(line: string, width: number): string {
  return line.slice(0, Math.max(0, width));
}
