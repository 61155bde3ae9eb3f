/** A pipeline with a clock that the test moves, and its output as text. */

import { type Faults, noFaults, parseFaults } from '../src/options/faults.js';
import { Pipeline } from '../src/pipeline.js';
import { namedRandom } from '../src/random.js';
import type { Item } from '../src/stages/item.js';

export interface Arrival {
  readonly item: Item;
  readonly atMs: number;
}

/** `hello`, `+hello` for bytes that a fault added, `<end>`, `<cut rst>`. */
export function shown(item: Item): string {
  if (item.kind === 'bytes') return `${item.at === undefined ? '+' : ''}${item.bytes.toString('latin1')}`;
  if (item.kind === 'cut') return `<cut ${item.how}>`;
  return item.kind === 'stall' ? `<stall ${item.forMs}>` : `<${item.kind}>`;
}

export class Tube {
  readonly pipeline: Pipeline;
  readonly arrivals: Arrival[] = [];
  nowMs = 0;
  /** Whether the output has left this process. */
  written = true;
  #sentBytes = 0;

  constructor(faults: Faults = {}, seed = 1) {
    this.pipeline = new Pipeline({
      random: (stage) => namedRandom(seed, stage),
      isWritten: () => this.written,
      outlet: (item, atMs) => this.arrivals.push({ item, atMs }),
    });
    this.pipeline.apply({ ...noFaults, ...parseFaults(faults, noFaults, '') });
    this.send('');
  }

  send(...chunks: (string | Buffer)[]): this {
    for (const chunk of chunks) {
      const bytes = Buffer.from(chunk as string, 'latin1');
      this.pipeline.push({ kind: 'bytes', bytes, at: this.#sentBytes }, this.nowMs);
      this.#sentBytes += bytes.length;
    }
    return this;
  }

  end(): this {
    this.pipeline.push({ kind: 'end' }, this.nowMs);
    return this;
  }

  /** Moves the clock. */
  pass(ms: number): this {
    const untilMs = this.nowMs + ms;
    for (let { dueMs } = this.pipeline; dueMs <= untilMs; { dueMs } = this.pipeline) {
      this.nowMs = Math.max(this.nowMs, dueMs);
      this.pipeline.tick(this.nowMs);
    }
    this.nowMs = untilMs;
    return this;
  }

  /** Moves the clock until nothing is due. */
  run(): this {
    for (let { dueMs } = this.pipeline; dueMs < Number.POSITIVE_INFINITY; { dueMs } = this.pipeline) {
      this.nowMs = Math.max(this.nowMs, dueMs);
      this.pipeline.tick(this.nowMs);
    }
    return this;
  }

  /** The output, item by item. */
  get items(): string[] {
    return this.arrivals.map(({ item }) => shown(item));
  }

  /** The output as one string: bytes joined, with the other items between them. */
  get text(): string {
    return this.arrivals
      .map(({ item }) => (item.kind === 'bytes' ? item.bytes.toString('latin1') : shown(item)))
      .join('');
  }

  get bytes(): Buffer {
    return Buffer.concat(this.arrivals.map(({ item }) => (item.kind === 'bytes' ? item.bytes : Buffer.alloc(0))));
  }
}
