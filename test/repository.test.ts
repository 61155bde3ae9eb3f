/** What belongs in the repository: nothing that a tool or a program leaves behind. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Results, withoutSamples } from '../bench/src/results.js';
import { root } from './workspace.js';

/** The files of the index. Undefined without git, and in a folder that was unpacked from an archive. */
function listFiles(...options: string[]): string[] | undefined {
  const git = ['-c', 'safe.directory=*', 'ls-files', ...options];
  const { stdout, status } = spawnSync('git', git, { cwd: root, encoding: 'utf8' });
  return status === 0 ? stdout.split('\n').filter(Boolean) : undefined;
}

const files = listFiles();

/** Every file and folder at the top of the repository. */
const top = [
  ...['.ci', '.github', 'bench', 'docs', 'examples', 'packages', 'scripts', 'test'],
  ...['.editorconfig', '.gitattributes', '.gitignore', '.npmrc', 'biome.json', 'lerna.json', 'typedoc.json'],
  ...['package.json', 'package-lock.json', 'tsconfig.base.json', 'tsconfig.json', 'tsup.config.ts', 'vitest.config.ts'],
  ...['CHANGELOG.md', 'CITATION.cff', 'CODE_OF_CONDUCT.md', 'CONTRIBUTING.md', 'LICENSE', 'README.md', 'SECURITY.md'],
];

test.skipIf(!files)('the top of the repository has the files of this list, and no other', () => {
  const found = new Set(files?.map((file) => file.split('/')[0]));
  expect([...found].sort()).toEqual([...top].sort());
});

test.skipIf(!files)('no file of the repository is one that git ignores', () => {
  expect(listFiles('--cached', '--ignored', '--exclude-standard')).toEqual([]);
});

const published = join(root, 'bench', 'published');

test.each(readdirSync(published).filter((file) => file.endsWith('.json')))(
  'the published %s has no samples',
  (file) => {
    const results = JSON.parse(readFileSync(join(published, file), 'utf8')) as Results;
    expect(withoutSamples(results).workloads).toEqual(results.workloads);
    expect(withoutSamples(results).warm).toEqual(results.warm);
  },
);

test('results without samples keep the summaries, and the errors of failed rounds', () => {
  const summary = [{ peer: 'raw', numbers: {}, ratio: undefined }];
  const rows = [
    { peer: 'raw', samples: [{ megabytesPerSecond: 1 }], errors: [] },
    { peer: 'ws', samples: [undefined], errors: ['the peer ended'] },
  ];
  const kept = [{ peer: 'ws', samples: [], errors: ['the peer ended'] }];
  const given = { micro: [], workloads: [{ workload: {}, rows, summary }], warm: { workloads: [{ rows, summary }] } };
  expect(withoutSamples(given as unknown as Results)).toEqual({
    micro: [],
    workloads: [{ workload: {}, rows: kept, summary }],
    warm: { workloads: [{ rows: kept, summary }] },
  });
});
