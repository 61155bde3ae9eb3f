// Turns the bench's TypeScript into plain JavaScript and starts it: what is measured is what users run, with no loader in the process.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'tsup';

const folder = dirname(fileURLToPath(import.meta.url));

await build({
  config: false,
  entry: ['cli', 'worker', 'micro'].map((name) => join(folder, 'src', `${name}.ts`)),
  outDir: join(folder, 'dist'),
  tsconfig: join(folder, 'tsconfig.json'),
  format: 'esm',
  target: 'es2022',
  platform: 'node',
  splitting: true,
  silent: true,
  // Every package stays an import, ours too: what is measured is what is published, whatever tsconfig's paths say.
  external: [/^(?![./]|[A-Za-z]:)/],
});
await import('./dist/cli.js');
