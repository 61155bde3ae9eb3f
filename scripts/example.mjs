// Runs one example against the built packages, as a user's program would run: `npm run example -- serpy-v2/chat`.
// Without a name, or with an unknown one, lists the examples there are.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, setup } from './setup.mjs';

const folder = join(root, 'examples');

/** The examples: name (`serpy-v2/chat`), file, and the first sentence of its opening comment. A file that another one names is a part of that one. */
export function listExamples() {
  // Other folders hold what examples share.
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
  // The same folder whichever package's script started it: there, no tsconfig leads tsx to the sources.
  process.chdir(root);
  const { register } = await import('tsx/esm/api');
  register({ tsconfig: false });
  process.argv = [process.execPath, example.path, ...args];
  await import(pathToFileURL(example.path).href);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await run(process.argv.slice(2));
