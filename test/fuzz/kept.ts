/** The inputs that broken versions failed on. Every run starts with them. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Failure } from './inputs.js';

/** The failures in a file. */
export function readKept(file: string): Failure[] {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Failure[]) : [];
}

/** Adds failures to the file. Failures without bytes cannot be kept. */
export function keep(file: string, failures: readonly Failure[]): void {
  const all = readKept(file);
  const isNew = ({ target, input }: Failure) => !all.some((each) => each.target === target && each.input === input);
  const more = failures.filter((failure) => failure.input !== '' && isNew(failure));
  if (more.length > 0) writeFileSync(file, `${JSON.stringify([...all, ...more], undefined, 2)}\n`);
}
