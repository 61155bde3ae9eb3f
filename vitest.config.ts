import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string) => fileURLToPath(new URL(`packages/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    // Tests run the sources, so that nothing has to be built first; test/packed.test.ts runs what is published.
    alias: [
      { find: /^serpy-core\/testing$/, replacement: source('core/src/testing/index.ts') },
      { find: /^serpy-core$/, replacement: source('core/src/index.ts') },
      { find: /^serpy-v1$/, replacement: source('serpy-v1/src/index.ts') },
      { find: /^serpy-v2$/, replacement: source('serpy-v2/src/index.ts') },
      { find: /^serpy-fault-proxy$/, replacement: source('fault-proxy/src/index.ts') },
      { find: /^serpy-arrays$/, replacement: source('arrays/src/index.ts') },
      { find: /^serpy$/, replacement: source('serpy/src/index.ts') },
    ],
  },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['test/global.ts'],
    setupFiles: ['test/leftovers.ts'],
    testTimeout: 20_000,
  },
});
