import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string) => fileURLToPath(new URL(`packages/${path}`, import.meta.url));

/** Test files that start programs as a user would, or work for long: pack, install, demo, examples, other languages, campaigns. */
const e2e = [
  'packages/cli/test/{commands/bench,commands/doctor,doctor/computer-checks,doctor/peer-checks,hostile-texts}.test.ts',
  'packages/cli/test/processes/**/*.test.ts',
  'packages/cli/test/{instruments/counter,recording/killed,recording/gaps}.test.ts',
  'test/{bench,broadcast,demo,docs,examples,from-python,fuzz,fuzz-cost,hostile-clients,memory,other-languages}.test.ts',
  'test/{packed,processes,recordings,reliability,scripts,simulation,troubleshooting,tutorials,web-programs}.test.ts',
  'test/interop/**/*.test.ts',
];

/** Test files that open sockets, or drive whole connections and sessions through every kind of network. */
const net = [
  'packages/{serpy-v1,serpy-v2}/test/{contract,busy,at-least-once,awkward,flood,streams}.test.ts',
  'packages/serpy-v2/test/session/{session-contract,lives}.test.ts',
  'packages/core/test/{transport/**/*,reconnect/storm}.test.ts',
  'packages/{serpy,fault-proxy}/test/**/*.test.ts',
  'packages/cli/test/**/*.test.ts',
  'test/originals/**/*.test.ts',
];

const all = ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts'];

/** A project of the runner: `npx vitest run --project unit`. Each file is in exactly one of them. */
function project(name: string, include: string[], exclude: string[]) {
  return { extends: true as const, test: { name, include, exclude } };
}

export default defineConfig({
  resolve: {
    // Tests run the sources, so that nothing has to be built first; test/packed.test.ts runs what is published.
    alias: [
      { find: /^serpy-core\/testing$/, replacement: source('core/src/testing/index.ts') },
      { find: /^serpy-core$/, replacement: source('core/src/index.ts') },
      { find: /^serpy-contract-tests\/(.+)$/, replacement: source('contract-tests/src/$1.ts') },
      { find: /^serpy-v1$/, replacement: source('serpy-v1/src/index.ts') },
      { find: /^serpy-v2$/, replacement: source('serpy-v2/src/index.ts') },
      { find: /^serpy-fault-proxy$/, replacement: source('fault-proxy/src/index.ts') },
      { find: /^serpy-arrays$/, replacement: source('arrays/src/index.ts') },
      { find: /^serpy$/, replacement: source('serpy/src/index.ts') },
    ],
  },
  test: {
    projects: [project('unit', all, [...net, ...e2e]), project('net', net, e2e), project('e2e', e2e, [])],
    globalSetup: ['test/global.ts'],
    setupFiles: ['test/leftovers.ts'],
    testTimeout: 20_000,
  },
});
