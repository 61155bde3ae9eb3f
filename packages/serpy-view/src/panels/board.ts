/** All panels of a view, by source and kind. */
import { readNpyHeader } from 'serpy-arrays';
import type { HubMessage } from 'serpy-hub';
import type { ViewClock } from '../system.js';
import type { PanelKind, PanelView } from '../wire/messages.js';
import {
  createPanel,
  hasPixels,
  type ImagePanel,
  type Labels,
  type LogPanel,
  type Panel,
  panelKindOf,
} from './panel.js';

/** Values per second, from their mean distance. */
interface Pace {
  version: number;
  atMs: number;
  perSecond: number;
}

const paceMs = 450;

const noLabels: Labels = { unit: undefined, axes: [], saturation: undefined };

/** The numbers of panels: several boards of one view have the same ones. */
export class PanelIds {
  readonly #known = new Map<string, number>();
  #last = 0;

  of(kind: PanelKind, source: string, name = ''): number {
    const key = `${kind} ${source}\0${name}`;
    const id = this.#known.get(key) ?? ++this.#last;
    this.#known.set(key, id);
    return id;
  }

  forget(source: string): void {
    for (const key of this.#known.keys())
      if (key.slice(key.indexOf(' ') + 1, key.indexOf('\0')) === source) this.#known.delete(key);
  }
}

export class PanelBoard {
  readonly panels = new Map<number, Panel>();
  readonly #byKey = new Map<string, Panel>();
  readonly #paces = new Map<number, Pace>();
  readonly #clock: ViewClock;
  readonly #labelsOf: (source: string) => Labels | undefined;
  readonly #ids: PanelIds;

  constructor(clock: ViewClock, labelsOf: (source: string) => Labels | undefined, ids = new PanelIds()) {
    this.#clock = clock;
    this.#ids = ids;
    this.#labelsOf = labelsOf;
  }

  /** Hands a message to its panel, which is created for the first one. @param wallMs when it arrived */
  take(message: HubMessage, wallMs = this.#clock.wallMs()): { readonly panel: Panel; readonly isNew: boolean } {
    const kind = panelKindOf(message);
    const isLog = kind === 'log' || isEmpty(kind, message);
    const name = isLog || message.slot === message.kind ? undefined : message.about?.name;
    const found = this.#find(message.source, isLog ? 'log' : kind, name);
    found.panel.take(message, wallMs);
    return found;
  }

  /** A line in the log of a source. */
  note(source: string, text: string): { readonly panel: Panel; readonly isNew: boolean } {
    const found = this.#find(source, 'log');
    (found.panel as LogPanel).note(text, this.#clock.now(), this.#clock.wallMs());
    return found;
  }

  remove(source: string): void {
    for (const [key, panel] of this.#byKey) {
      if (panel.source !== source) continue;
      this.#byKey.delete(key);
      this.panels.delete(panel.id);
      this.#paces.delete(panel.id);
    }
    this.#ids.forget(source);
  }

  /** @param isPast whether the values are those of a recording */
  views(isPast = false): PanelView[] {
    const now = this.#clock.now();
    return [...this.panels.values()].map((panel) => ({
      id: panel.id,
      source: panel.source,
      kind: panel.kind,
      title: panel.name === undefined ? panel.source : `${panel.source}: ${panel.name}`,
      unit: panel.unit ?? null,
      axes: panel.axes,
      ageMs: now - panel.lastAtMs,
      perSecond: isPast ? 0 : this.#pace(panel, now),
      message: isPast ? panel.lastNumber : null,
      wallMs: panel.lastWallMs,
    }));
  }

  /** The newest array of a panel of images, as a file. */
  download(id: number): Uint8Array | undefined {
    const panel = this.panels.get(id);
    return panel?.kind === 'image' ? (panel as ImagePanel).shot?.npy() : undefined;
  }

  /** @param name the sender's name of the values: each has its own panel. The hub bounds their number */
  #find(source: string, kind: PanelKind, name?: string): { panel: Panel; isNew: boolean } {
    const key = `${kind} ${source}${name === undefined ? '' : `\0${name}`}`;
    const known = this.#byKey.get(key);
    if (known) return { panel: known, isNew: false };
    const id = this.#ids.of(kind, source, name);
    const panel = createPanel(kind, id, source, this.#labelsOf(source) ?? noLabels, name);
    this.#byKey.set(key, panel);
    this.panels.set(panel.id, panel);
    return { panel, isNew: true };
  }

  #pace(panel: Panel, now: number): number {
    const pace = this.#paces.get(panel.id) ?? { version: panel.version, atMs: now, perSecond: 0 };
    this.#paces.set(panel.id, pace);
    if (now - pace.atMs < paceMs) return pace.perSecond;
    pace.perSecond = (1000 * (panel.version - pace.version)) / (now - pace.atMs);
    pace.version = panel.version;
    pace.atMs = now;
    return pace.perSecond;
  }
}

/** Whether an image has nothing to draw, or cannot be decoded: then it is a line in the log. */
function isEmpty(kind: PanelKind, message: HubMessage): boolean {
  if (kind !== 'image' && kind !== 'curve') return false;
  try {
    const { shape } = shapeOf(message);
    return kind === 'image' ? !hasPixels(shape) : shape[0] === 0;
  } catch {
    return true;
  }
}

/** The header says it, without the elements: an array that no page shows is not decoded. */
function shapeOf(message: HubMessage): { readonly shape: readonly number[] } {
  const { value } = message;
  if (!(value instanceof Uint8Array)) return message.array();
  const header = readNpyHeader(value);
  if (header.headerBytes + header.dataBytes !== value.length) throw new RangeError('the array is not complete');
  return header;
}
