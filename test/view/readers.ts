/** Python, where it has the modules: opens what is left of recordings as a user does. */
import { execFileSync, spawnSync } from 'node:child_process';

/** A Python with these modules; undefined if there is none. */
export function pythonWith(modules: string): string | undefined {
  return ['python3', '/usr/bin/python3'].find((each) => spawnSync(each, ['-c', `import ${modules}`]).status === 0);
}

/** The number of arrays in each `.npy`, which numpy maps. Each must be that of the instrument. */
export function countWithNumpy(python: string, paths: readonly string[]): number[] {
  const code = `
import json, sys, numpy
counts = []
for path in json.load(sys.stdin):
    a = numpy.load(path, mmap_mode='r')
    for row in a:
        row = row.ravel()
        assert (numpy.diff(row.astype(int)) == 1).all() if a.dtype == numpy.uint16 else row[0] == -row[1], path
    counts.append(len(a))
print(json.dumps(counts))
`;
  return JSON.parse(execFileSync(python, ['-c', code], { input: JSON.stringify(paths), encoding: 'utf8' })) as number[];
}

/** The number of images in each exported file, which h5py opens. */
export function countWithH5py(python: string, paths: readonly string[]): number[] {
  const code = `
import json, sys, h5py
counts = []
for path in json.load(sys.stdin):
    with h5py.File(path, 'r') as f:
        found = []
        f.visititems(lambda name, node: found.append(node) if isinstance(node, h5py.Dataset) and node.ndim == 3 else None)
        counts.append(sum(len(each[()]) for each in found))
print(json.dumps(counts))
`;
  return JSON.parse(execFileSync(python, ['-c', code], { input: JSON.stringify(paths), encoding: 'utf8' })) as number[];
}
