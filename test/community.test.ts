/** What the forge and readers of a citation get: the files agree with the packages. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packages, readManifest, root } from './workspace.js';

const read = (...path: string[]) => readFileSync(join(root, ...path), 'utf8');

describe('the support policy', () => {
  const rows = [...read('docs', 'support.md').matchAll(/^\| (\d+) \| (supported[^|]*?) \|$/gm)];

  test('has the versions of Node that the packages accept and that continuous integration tests', () => {
    const [, matrix = ''] = /node: \[([\d, ]+)\]/.exec(read('.github', 'workflows', 'ci.yml')) ?? [];
    expect(rows.map(([, version]) => version)).toEqual(matrix.split(', '));
    const [, least = ''] = /from ([\d.]+)/.exec(rows[0]?.[2] ?? '') ?? [];
    for (const folder of packages) {
      const { engines } = JSON.parse(read('packages', folder, 'package.json')) as { engines: { node: string } };
      expect(engines.node, folder).toBe(`>=${least}`);
    }
  });
});

describe('issue forms', () => {
  const folder = join(root, '.github', 'ISSUE_TEMPLATE');
  const forms = readdirSync(folder).filter((name) => name !== 'config.yml');

  test('ask for the output of serpy doctor --json', () => {
    expect(forms.sort()).toEqual(['problem.yml', 'proposal.yml']);
    for (const name of forms) expect(readFileSync(join(folder, name), 'utf8')).toContain('serpy doctor --json');
  });

  test('link to pages that exist', () => {
    const links = [...read('.github', 'ISSUE_TEMPLATE', 'config.yml').matchAll(/blob\/main\/(\S+)/g)];
    expect(links.length).toBeGreaterThan(0);
    for (const [, path = ''] of links) expect(existsSync(join(root, path)), path).toBe(true);
  });
});

test('CITATION.cff has the version and the license of the packages', () => {
  const citation = read('CITATION.cff');
  const { version } = readManifest('serpy');
  expect(citation).toContain(`\nversion: ${version}\n`);
  expect(citation).toContain('\nlicense: MIT\n');
});

test('README.md packs each package of this repository that a program and the command need, and no other', () => {
  const [, line = ''] = /^npm pack (.*)$/m.exec(read('README.md')) ?? [];
  const named = [...line.matchAll(/-w ([\w-]+)/g)].map(([, name]) => name);
  const folders = new Map(packages.map((folder) => [readManifest(folder).name, folder]));
  const needed = new Set(['serpy', 'serpy-cli']);
  for (const name of needed) {
    const { dependencies = {} } = readManifest(folders.get(name) as string);
    for (const each of Object.keys(dependencies)) if (folders.has(each)) needed.add(each);
  }
  expect(named.sort()).toEqual([...needed].sort());
});
