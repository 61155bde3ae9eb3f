/** The scripts of the repository: every package can run its examples, all packages have the same license, and the lock file is complete. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packages, readManifest, root } from './workspace.js';

interface LockedPackage {
  readonly resolved?: string;
  readonly optionalDependencies?: Record<string, string>;
}

interface Outcome {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

function runScript(name: string, ...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [join(root, 'scripts', name), ...args], (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, stdout, stderr });
    });
  });
}

/** The names in the list of examples, `serpy-v2/chat` and so on. */
async function listedExamples(): Promise<string[]> {
  const { stderr } = await runScript('example.mjs');
  return [...stderr.matchAll(/^ {2}(\S+) {2}/gm)].map(([, name = '']) => name);
}

test('lists the examples and ends with status 2 when it is given no name', async () => {
  const { code, stderr } = await runScript('example.mjs');
  expect(code).toBe(2);
  expect(stderr).toMatch(/^Run one with "npm run example -- NAME \[arguments\]":\n {2}\S+ {2}/);
});

test('names the unknown example, and lists the existing ones', async () => {
  const { code, stderr } = await runScript('example.mjs', 'serpy/no-such-thing');
  expect(code).toBe(2);
  expect(stderr).toMatch(/^There is no example serpy\/no-such-thing\.\nRun one with/);
});

test('prints what every example shows', async () => {
  const { stderr } = await runScript('example.mjs');
  for (const line of stderr.split('\n').filter((each) => each.startsWith('  '))) expect(line).toMatch(/\.$/);
  for (const name of await listedExamples()) expect(stderr).toMatch(new RegExp(`${name} +\\S+ \\S+`));
});

test('has a script example:NAME in the package of every example, and none without an example', async () => {
  const scripts = packages.flatMap((folder) =>
    Object.entries(readManifest(folder).scripts ?? {})
      .filter(([script]) => script.startsWith('example:'))
      .map(([script, command]) => {
        const name = `${folder}/${script.slice('example:'.length)}`;
        expect(command).toBe(`node ../../scripts/example.mjs ${name}`);
        return name;
      }),
  );
  expect((await listedExamples()).sort()).toEqual(scripts.sort());
});

test('finds examples in the folders with the names of packages; other folders are shared, for a broker or in Python', () => {
  const folders = readdirSync(join(root, 'examples'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => name);
  expect(folders.filter((name) => ![...packages, 'shared', 'broker', 'python'].includes(name))).toEqual([]);
});

test.each(packages)('gives %s its own copy of the license', (folder) => {
  const license = readFileSync(join(root, 'LICENSE'), 'utf8');
  expect(readFileSync(join(root, 'packages', folder, 'LICENSE'), 'utf8')).toBe(license);
});

describe('the lock file', () => {
  const text = readFileSync(join(root, 'package-lock.json'), 'utf8');
  const locked = (JSON.parse(text) as { packages: Record<string, LockedPackage> }).packages;

  /** The path at which Node finds a dependency of the package at `path`. */
  function find(path: string, name: string): string | undefined {
    const nested = `${path === '' ? '' : `${path}/`}node_modules/${name}`;
    if (nested in locked) return nested;
    const above = path.lastIndexOf('/node_modules/');
    if (path === '') return undefined;
    return find(above < 0 ? '' : path.slice(0, above), name);
  }

  test('names the packages of every system, without which npm ci fails', () => {
    const missing = Object.entries(locked).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter((name) => find(path, name) === undefined),
    );
    expect(missing).toEqual([]);
  });

  test('names no registry, so that users install from their own', () => {
    const resolved = Object.values(locked).map(({ resolved }) => resolved ?? '');
    expect(resolved.filter((address) => /^https?:/.test(address))).toEqual([]);
  });
});
