// Runs the long tests, all of them or those that are named: `npm run test:long -- fuzz --inputs 1000000`. They are built into plain
// JavaScript first: with a loader in the process a fraction of the inputs would go through. What there is: test/long/main.ts.
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'tsup';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);

await build({
  config: false,
  entry: {
    main: join('test', 'long', 'main.ts'),
    worker: join('test', 'fuzz', 'worker.ts'),
    peer: join('test', 'processes', 'peer.ts'),
    worlds: join('test', 'long', 'worlds.ts'),
    'stuck-server': join('test', 'long', 'stuck-server.ts'),
    flooders: join('test', 'long', 'flooders.ts'),
    'door-server': join('test', 'long', 'door-server.ts'),
    intruder: join('test', 'long', 'intruder.ts'),
  },
  outDir: join('test', 'long', 'dist'),
  outExtension: () => ({ js: '.mjs' }),
  tsconfig: 'tsconfig.base.json',
  format: 'esm',
  target: 'es2022',
  platform: 'node',
  splitting: false,
  removeNodeProtocol: false,
  silent: true,
  // The sources themselves, as the tests take them: nothing has to be built before.
  noExternal: [/^serpy/, 'leven'],
  external: ['playwright-core', 'ws'],
});
await import('../test/long/dist/main.mjs');
