/** Which panel a line of the index belongs to, as far as the line tells it without the content of its message. */
import type { MessageLine } from 'serpy-recording';
import type { PanelKind } from '../wire/messages.js';

/** A text can be a number or not: only its content tells. */
export type ChannelKind = 'image' | 'curve' | 'number' | 'text';

/** More sources of one recording share a name. */
const maxSources = 64;
const maxNames = 64;

const numberTypes: readonly string[] = ['int', 'float', 'longint'];

export class Channels {
  readonly #name: string;
  readonly #sources = new Set<string>();
  readonly #names = new Set<string>();
  readonly #numbers = new Map<string, number>();

  /** @param name of the source of messages without one */
  constructor(name: string) {
    this.#name = name;
  }

  get sources(): ReadonlySet<string> {
    return this.#sources;
  }

  get count(): number {
    return this.#numbers.size;
  }

  /** The name of the source: of the instrument, or its address. */
  sourceOf({ from = this.#name }: MessageLine): string {
    if (this.#sources.has(from)) return from;
    if (this.#sources.size >= maxSources) return 'other instruments';
    this.#sources.add(from);
    return from;
  }

  /** The number of the channel of a line, from 0. */
  of(line: MessageLine): number {
    const plain = `${kindOf(line)} ${this.sourceOf(line)}`;
    const name = this.isNamed(line) ? line.about?.name : undefined;
    const key = name === undefined ? plain : `${plain}\0${name}`;
    const known = this.#numbers.get(key) ?? this.#numbers.size;
    this.#numbers.set(key, known);
    return known;
  }

  /** Whether the sender's name makes the message another channel: as in a hub, further names share one. */
  isNamed({ about }: MessageLine): boolean {
    const name = about?.name;
    if (name === undefined || this.#names.has(name)) return true;
    if (this.#names.size >= maxNames) return false;
    this.#names.add(name);
    return true;
  }

  /** The channels whose messages a panel can show. */
  ofPanel(kind: PanelKind, source: string): number[] {
    const kinds: readonly ChannelKind[] = {
      image: ['image'],
      curve: ['curve'],
      trend: ['number', 'text'],
      log: ['text'],
    }[kind] as ChannelKind[];
    const keys = kinds.map((each) => `${each} ${source}`);
    return [...this.#numbers].flatMap(([key, number]) => (keys.includes(key.split('\0')[0] as string) ? number : []));
  }
}

/** The names of files of arrays have their shapes. */
export function kindOf(line: MessageLine): ChannelKind {
  if (!('row' in line)) return 'line' in line && numberTypes.includes(line.type) ? 'number' : 'text';
  const [, shape = ''] = /^\w+-([\w]+)\.npy$/.exec(line.file) ?? [];
  if (shape === 'scalar') return 'text';
  return /^\d+$/.test(shape) ? 'curve' : 'image';
}
