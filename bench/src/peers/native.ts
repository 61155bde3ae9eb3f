/**
 * A C program with blocking sockets: serpy-v2's header of 14 bytes before each message, and the sum of its bytes computed at both ends.
 * It is the limit of the machine for such messages. The compiler is $CC, or cc; the program is bench/native/frames.c.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Availability, Peer } from '../peer.js';

const compiler = process.env.CC ?? 'cc';
const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, '..', 'native', 'frames.c');
const program = join(here, 'frames');

let compiled: Promise<Availability> | undefined;

/** Compiles when the source is newer. Renames the result, because two runs can do so at the same time. */
async function compile(): Promise<Availability> {
  const version = { version: `C program, ${compiler} -O3` };
  if (existsSync(program) && statSync(program).mtimeMs > statSync(source).mtimeMs) return version;
  const fresh = `${program}-${process.pid}`;
  mkdirSync(here, { recursive: true });
  try {
    await promisify(execFile)(compiler, ['-O3', '-pthread', '-o', fresh, source]);
    renameSync(fresh, program);
    return version;
  } catch (error) {
    rmSync(fresh, { force: true });
    return { missing: `${compiler} cannot compile it: ${(error as Error).message.split('\n').slice(0, 2).join(' ')}` };
  }
}

const native: Peer = {
  name: 'c',
  kinds: ['one-way', 'round-trip', 'acknowledged'],
  available: () => {
    compiled ??= compile();
    return compiled;
  },
  command: [program],
};

export const peers: readonly Peer[] = [native];
