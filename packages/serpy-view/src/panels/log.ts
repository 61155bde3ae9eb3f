/** The last texts of a source, and of everything that has no picture. */
import { Fifo } from 'serpy-core';
import type { HubMessage } from 'serpy-hub';
import type { LogLine } from '../wire/messages.js';

const maxLines = 200;

/** A longer text is cut, and says so. */
const maxCharacters = 2000;

const shownBytes = 16;

export class LogHistory {
  readonly #lines = new Fifo<LogLine>();
  #added = 0;

  /** The number of lines so far. */
  get added(): number {
    return this.#added;
  }

  add(text: string, wallMs: number): void {
    this.#lines.push({ wallMs, text: cut(text) });
    this.#added++;
    if (this.#lines.length > maxLines) this.#lines.shift();
  }

  /** The lines after the first `seen`, as far as they are kept. */
  since(seen: number): LogLine[] {
    const fresh = Math.min(this.#lines.length, this.#added - seen);
    return fresh === 0 ? [] : this.#lines.items().slice(-fresh);
  }
}

function cut(text: string): string {
  if (text.length <= maxCharacters) return visible(text);
  return `${visible(text.slice(0, maxCharacters))} … (${text.length.toLocaleString('en-US')} characters)`;
}

/** Control characters as escapes, so that a text cannot reverse or hide what stands beside it. Lines and tabs stay. */
function visible(text: string): string {
  return text.replaceAll(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** A message that is neither a number nor an array in one text. */
export function textOf({ kind, value, type }: HubMessage): string {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) {
    const text = kind === 'bytes' ? printableText(value) : undefined;
    if (text !== undefined) return text;
    const head = Buffer.from(value.subarray(0, shownBytes))
      .toString('hex')
      .replaceAll(/..(?!$)/g, '$& ');
    return `${value.length.toLocaleString('en-US')} bytes: ${head}${value.length > shownBytes ? ' …' : ''}`;
  }
  if (kind.startsWith('array')) return 'an array without elements, or with none to draw';
  return objectText(value) ?? `an object (${type})`;
}

/** Bytes of v1 and of simple instruments that are a text. */
function printableText(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0 || bytes.length > 4 * maxCharacters) return undefined;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return /[\x00-\x08\x0e-\x1f\x7f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

function objectText(value: unknown): string | undefined {
  try {
    return JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? `${each}` : each));
  } catch {
    return undefined;
  }
}
