/** The examples as JavaScript: a program starts in a fifth of the time that it takes with a compiler inside. */
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { root } from './workspace.js';

const source = join(root, 'examples');

/** Below the packages, which the examples import by name. */
const cache = join(root, 'node_modules', '.cache');

let folder: string | undefined;

/** The folder with the compiled examples and all of their other files. Made once for each state of the sources. */
export function compiledExamples(): string {
  folder ??= compile();
  return folder;
}

function compile(): string {
  const all = readdirSync(source, { recursive: true, encoding: 'utf8' });
  const files = all.filter((name) => /\.(ts|json)$/.test(name) && !name.startsWith('.')); // tsc has a hidden folder there
  const hash = createHash('sha256').update(readFileSync(new URL(import.meta.url)));
  for (const name of files.sort()) hash.update(name).update(readFileSync(join(source, name)));
  const done = join(cache, `serpy-examples-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(done)) return done;
  mkdirSync(cache, { recursive: true });
  const made = mkdtempSync(join(cache, 'serpy-examples-part-'));
  for (const name of files) {
    const path = join(made, name);
    mkdirSync(dirname(path), { recursive: true });
    // An example may start another one.
    cpSync(join(source, name), path);
    if (name.endsWith('.ts')) writeFileSync(path.replace(/ts$/, 'js'), compiled(readFileSync(path, 'utf8'), name));
  }
  writeFileSync(join(made, 'package.json'), JSON.stringify({ type: 'module' }));
  try {
    renameSync(made, done);
  } catch (error) {
    // Another process of the tests was faster.
    rmSync(made, { recursive: true });
    if (!existsSync(done)) throw error;
  }
  return done;
}

function compiled(text: string, fileName: string): string {
  const { outputText } = ts.transpileModule(text, {
    fileName,
    compilerOptions: {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ES2022,
      verbatimModuleSyntax: true,
      rewriteRelativeImportExtensions: true,
    },
  });
  return outputText;
}
