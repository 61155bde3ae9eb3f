/**
 * What a long run has done, in a file: a run that was stopped continues where it was, with the same command. A finished run removes the file.
 * Work is kept by key: the part, and the settings on which its results depend.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

export class Progress {
  readonly #file: string;
  readonly #done: Record<string, unknown>;

  /** @param restart whether to forget an earlier run */
  constructor(file: string, restart = false) {
    this.#file = file;
    this.#done = restart ? {} : read(file);
  }

  /** The number of results of an earlier run. */
  get earlier(): number {
    return Object.keys(this.#done).length;
  }

  has(key: string): boolean {
    return key in this.#done;
  }

  /** The result of a piece of work, which is done now unless an earlier run has done it. */
  async once<T>(key: string, work: () => Promise<T>, isFinal: (result: T) => boolean = () => true): Promise<T> {
    if (this.has(key)) return this.#done[key] as T;
    const result = await work();
    if (!isFinal(result)) return result;
    this.#done[key] = result;
    mkdirSync(dirname(this.#file), { recursive: true });
    writeFileSync(this.#file, JSON.stringify(this.#done));
    return result;
  }

  /** The run is complete: the next one starts from the beginning. */
  finish(): void {
    rmSync(this.#file, { force: true });
  }
}

/** Damage of the file, as by a computer that lost power, costs only the time of the work. */
function read(file: string): Record<string, unknown> {
  if (!existsSync(file)) return {};
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  } catch {
    return {};
  }
}
