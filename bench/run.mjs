// Compiles the bench to JavaScript and starts it, so that the measured processes contain no loader, like those of users.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'tsup';

const folder = dirname(fileURLToPath(import.meta.url));

await build({
  config: false,
  entry: ['cli', 'worker', 'micro', 'resume'].map((name) => join(folder, 'src', `${name}.ts`)),
  outDir: join(folder, 'dist'),
  tsconfig: join(folder, 'tsconfig.json'),
  format: 'esm',
  target: 'es2022',
  platform: 'node',
  splitting: true,
  silent: true,
  // Every package stays an import, including serpy's: the bench measures the published builds, regardless of the paths in tsconfig.
  external: [/^(?![./]|[A-Za-z]:)/],
});
await import('./dist/cli.js');
