/**
 * The test vectors of the protocol pages: fenced blocks in the language `vector`, with an empty line between two vectors. A vector has
 * lines `key: value`; a key may be repeated. Bytes are hexadecimal, may continue on indented lines, and end at a `#`.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../workspace.js';
import { readPage } from './pages.js';

export class Vector {
  /** Page and line. */
  readonly place: string;
  readonly #lines: readonly (readonly [key: string, value: string])[];
  readonly #used = new Set<string>();

  constructor(place: string, code: string) {
    this.place = place;
    const lines: [string, string][] = [];
    for (const line of code.split('\n').filter((each) => each.trim() !== '')) {
      const [, key, value = ''] = /^([a-z][a-z0-9 -]*): ?(.*)$/.exec(line) ?? [];
      const last = lines.at(-1);
      if (key !== undefined) lines.push([key, value]);
      else if (last !== undefined && line.startsWith('  ')) last[1] += `\n${line}`;
      else throw new Error(`${place}: this line of a vector has no key: ${line}`);
    }
    this.#lines = lines;
  }

  get kind(): string {
    return this.text('kind');
  }

  get name(): string {
    return this.optional('name') ?? this.all('value')[0] ?? this.place;
  }

  has(key: string): boolean {
    return this.#lines.some(([each]) => each === key);
  }

  all(key: string): string[] {
    this.#used.add(key);
    return this.#lines.filter(([each]) => each === key).map(([, value]) => value);
  }

  optional(key: string): string | undefined {
    return this.all(key)[0];
  }

  text(key: string): string {
    const value = this.optional(key);
    if (value === undefined) throw new Error(`${this.place}: the vector has no ${key}`);
    return value;
  }

  /** The bytes of a key; empty if the vector does not have it. */
  bytes(key: string): Buffer {
    return bytesOf(this.optional(key) ?? '', this.place);
  }

  number(key: string): number {
    return Number(this.text(key));
  }

  /** Keys that were never read. A test that ignores a key does not test it. */
  get unused(): string[] {
    const known = ['kind', 'name', 'note', 'direction'];
    return this.#lines.map(([key]) => key).filter((key) => !this.#used.has(key) && !known.includes(key));
  }
}

export function bytesOf(text: string, place = text): Buffer {
  const digits = text.replaceAll(/#.*$/gm, '').replaceAll(/\s/g, '');
  if (!/^(?:[\dA-F]{2})*$/.test(digits)) throw new Error(`${place}: not hexadecimal: ${digits}`);
  return Buffer.from(digits, 'hex');
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex').toUpperCase().replaceAll(/../g, '$& ').trim();
}

/** All vectors of a page. */
export function vectorsOf(path: string): Vector[] {
  const text = readFileSync(join(root, path), 'utf8').replaceAll('\r\n', '\n');
  return readPage(path, text)
    .blocks.filter(({ language }) => language === 'vector')
    .flatMap(({ name, code }) => code.split('\n\n').map((each) => new Vector(name, each)));
}
