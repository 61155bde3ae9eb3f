/** The guards of scripts/guards.json: a rename that forgets the list fails here, in seconds, and not in the nightly run of the script. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { root } from './workspace.js';

interface Guard {
  readonly guard: string;
  readonly file: string;
  readonly written: string;
  readonly broken: string;
  readonly noticer: string;
}

const guards = JSON.parse(readFileSync(join(root, 'scripts', 'guards.json'), 'utf8')) as Guard[];

function syntaxErrors(file: string, text: string): readonly string[] {
  const { diagnostics = [] } = ts.transpileModule(text, {
    fileName: file,
    reportDiagnostics: true,
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  return diagnostics.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
}

test('every guard has its own name', () => {
  const names = guards.map(({ guard }) => guard);
  expect(names).toEqual([...new Set(names)]);
});

describe.each(guards)('$guard', ({ file, written, broken, noticer }) => {
  const source = readFileSync(join(root, file), 'utf8');

  test('is in the source, and the source without it still compiles', () => {
    expect(source).toContain(written);
    const without = source.replaceAll(written, () => broken);
    expect(without).not.toBe(source);
    expect(syntaxErrors(file, without)).toEqual([]);
  });

  test('has a test that must notice', () => {
    if (noticer !== 'simulation') expect(existsSync(join(root, 'packages', `${noticer}.test.ts`))).toBe(true);
  });
});
