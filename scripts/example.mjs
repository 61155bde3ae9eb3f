// Runs one example with the built packages, like a user's program: `npm run example -- serpy-v2/chat`.
// Without a name, or with an unknown one, it lists the examples.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, setup } from './setup.mjs';

const folder = join(root, 'examples');

/** The examples: name (`serpy-v2/chat`), file, and the first sentence of the opening comment. A file that another one imports is a part of it. */
export function listExamples() {
  // Other folders contain files that examples share.
  const packages = readdirSync(folder).filter((name) => existsSync(join(root, 'packages', name)));
  return packages.flatMap((name) => {
    const sources = readdirSync(join(folder, name))
      .filter((file) => file.endsWith('.ts'))
      .map((file) => ({ file, text: readFileSync(join(folder, name, file), 'utf8') }));
    const isPart = ({ file }) => sources.some(({ text }) => text.includes(`/${file}'`) || text.includes(`'${file}'`));
    return sources
      .filter((source) => !isPart(source))
      .map(({ file, text }) => ({
        name: `${name}/${file.slice(0, -'.ts'.length)}`,
        path: join(folder, name, file),
        summary: firstSentence(text),
      }));
  });
}

function firstSentence(text) {
  const comment = /^(?:\/\/.*\r?\n)+/.exec(text)?.[0] ?? '';
  const words = comment
    .replaceAll(/^\/\/ ?|\r/gm, '')
    .replaceAll('\n', ' ')
    .trim();
  return /^.*?\.(?= |$)/.exec(words)?.[0] ?? words;
}

function printList(wrong) {
  const examples = listExamples();
  const width = Math.max(0, ...examples.map(({ name }) => name.length));
  const lines = examples.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  if (wrong !== undefined) console.error(`There is no example ${wrong}.`);
  console.error(`Run one with "npm run example -- NAME [arguments]":\n${lines.join('\n')}`);
}

async function run([name, ...args]) {
  const example = listExamples().find((each) => each.name === name);
  if (!example) {
    printList(name);
    process.exitCode = 2;
    return;
  }
  setup();
  // The root for the scripts of all packages. Its tsconfig does not lead tsx to the sources.
  process.chdir(root);
  const { register } = await import('tsx/esm/api');
  register({ tsconfig: false });
  process.argv = [process.execPath, example.path, ...args];
  await import(pathToFileURL(example.path).href);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await run(process.argv.slice(2));
