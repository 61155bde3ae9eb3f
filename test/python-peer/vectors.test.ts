/** examples/python/serpy_session.py: its doctests, and the vectors of docs/protocol-v2.md, with each Python that is installed. */
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { vectorsOf } from '../docs/vectors.js';
import { titled } from '../interop/python-peer.js';
import { killPrograms, Program } from '../program.js';
import { root } from '../workspace.js';
import { moduleFolder, pythons, titleOf } from './peer.js';

afterEach(killPrograms);

/** All vectors but those of detection: the module does not speak v1. */
const vectors = vectorsOf('docs/protocol-v2.md').filter(({ kind }) => kind !== 'detection');

const single = 'kind name value bytes error sends from secret id attempt proof key psk length digest offset type part';
const keys = `${single} number code text quantity unit`.split(' ');
const hexadecimal = new Set(['bytes', 'sends', 'secret', 'id', 'proof', 'psk']);

/** A vector as one line of JSON; bytes are hexadecimal digits only. */
function lineOf(vector: (typeof vectors)[number]): string {
  const entries = keys
    .filter((key) => vector.has(key))
    .map((key) => [key, hexadecimal.has(key) ? vector.bytes(key).toString('hex') : vector.text(key)]);
  return JSON.stringify({ ...Object.fromEntries(entries), gives: vector.all('gives'), axes: vector.all('axis') });
}

const environment = { PYTHONPATH: moduleFolder, PYTHONDONTWRITEBYTECODE: '1' };

test.skipIf(pythons.length > 0)('Python is installed (skipped: there is no python3 on this machine)', () => {
  if (process.env.REQUIRE_TEST_TOOLS) throw new Error('python3 is missing');
});

describe.each(pythons.map((each) => [titleOf(each), each] as const))('%s', (_, python) => {
  test(titled('runs every vector of the page', true), { timeout: 60_000 }, async () => {
    const program = new Program(python.command, [join(root, 'test/python-peer/vectors.py')], environment);
    for (const vector of vectors) program.type(`${lineOf(vector)}\n`);
    program.endInput();
    expect(await program.ended).toEqual({ status: 0, stdout: `${vectors.length}\n`, stderr: '' });
  });

  test('runs the examples of the module', { timeout: 60_000 }, async () => {
    const file = join(moduleFolder, 'serpy_session.py');
    const program = new Program(python.command, ['-m', 'doctest', file], environment);
    expect(await program.ended).toEqual({ status: 0, stdout: '', stderr: '' });
  });
});
