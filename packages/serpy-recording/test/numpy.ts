/** numpy, where this computer has it: opens the arrays of a recording as a user does. */
import { execFileSync, spawnSync } from 'node:child_process';

export const hasNumpy = spawnSync('python3', ['-c', 'import numpy']).status === 0;

/** What numpy sees in a `.npy` file that it maps into memory. */
export interface Mapped {
  readonly shape: number[];
  readonly dtype: string;
  /** The elements, as Python prints them, in C order. */
  readonly elements: string[];
}

const program = `
import json, sys, numpy
arrays = []
for path in json.load(sys.stdin):
    a = numpy.load(path, mmap_mode='r')
    arrays.append({'shape': list(a.shape), 'dtype': a.dtype.str, 'elements': [str(x) for x in a.ravel()[:2000]]})
print(json.dumps(arrays))
`;

/** Opens `.npy` files with `numpy.load(path, mmap_mode='r')`. Throws what numpy throws. */
export function mapWithNumpy(paths: readonly string[]): Mapped[] {
  const output = execFileSync('python3', ['-c', program], {
    input: JSON.stringify(paths),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  return JSON.parse(output) as Mapped[];
}

/** Runs a program of Python and resolves with what it prints. */
export function python(code: string, ...args: string[]): string {
  return execFileSync('python3', ['-c', code, ...args], { encoding: 'utf8' });
}
