/** How the tests run: which file is in which project, in which order, and in how many processes. */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const source = (path: string) => fileURLToPath(new URL(`packages/${path}`, import.meta.url));

/** Test files that start programs as a user would, or work for long: pack, install, demo, examples, other languages, campaigns. */
const e2e = [
  'packages/cli/test/{commands/bench,commands/doctor,doctor/computer-checks,doctor/peer-checks,hostile-texts}.test.ts',
  'packages/cli/test/processes/**/*.test.ts',
  'packages/cli/test/recording/{killed,gaps}.test.ts',
  'test/{bench,broadcast,demo,docs,examples,exe,from-python,fuzz,fuzz-cost,hostile-clients,memory,other-languages}.test.ts',
  'test/{export-page,packed,processes,quick-start,recordings,release,reliability,scripts,simulation,site,snippets,tools,troubleshooting,tutorials,view-kills,view-memory,web-programs}.test.ts',
  'packages/serpy-view/test/browser/**/*.test.ts',
  'packages/node-red-contrib-serpy/test/nodes.test.ts',
  'packages/serpy-view/test/recording/long.test.ts',
  'test/interop/**/*.test.ts',
  'test/python-peer/**/*.test.ts',
];

/** Test files that open sockets, drive whole connections and sessions through every kind of network, or need a process of their own. */
const net = [
  'packages/{serpy-v1,serpy-v2,serpy-lines}/test/{contract,busy,at-least-once,awkward,flood,streams}.test.ts',
  'packages/serpy-v2/test/session/{session-contract,lives}.test.ts',
  'packages/core/test/transport/{connect-socket,one-socket,read-buffer,read-share,socket-progress,tcp-transport}.test.ts',
  'packages/core/test/transport/{tls-certificates,tls-key,tls-reading,tls-tickets,tls-transport,write-parts}.test.ts',
  'packages/core/test/buffers/wide-zero.test.ts',
  'packages/core/test/reconnect/storm.test.ts',
  'packages/serpy/test/**/*.test.ts',
  'packages/fault-proxy/test/{net/connect,proxy}.test.ts',
  'packages/serpy-hub/test/hub.test.ts',
  'packages/serpy-bridge/test/{aedes,mosquitto,nats,outages,tls}.test.ts',
  'packages/serpy-view/test/server/**/*.test.ts',
  'packages/cli/test/{commands,flags,messages,peers}/**/*.test.ts',
  'packages/cli/test/{atomic-file,program,instruments/instrument}.test.ts',
  'test/originals/rules.test.ts',
];

const all = ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts'];

/** Test files that take longest in their project. Most of them are short, and the runner starts large files first. */
const slow =
  /\/(contract|session-contract|rules|lives|simulation|processes|reliability|examples|packed|demo|site|release|cuts|killed|view-kills)\.test\.ts$/;

/** Starts the slow files of a project first: at the end one of them would keep one core busy and leave the others idle. */
class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const names = [...new Set(sorted.map(({ project }) => project.name))];
    return names.flatMap((name) => {
      const own = sorted.filter(({ project }) => project.name === name);
      return [...own.filter((file) => slow.test(file.moduleId)), ...own.filter((file) => !slow.test(file.moduleId))];
    });
  }
}

/** A project of the runner: `npx vitest run --project unit`. Each file is in exactly one of them. */
function project(name: string, include: string[], exclude: string[], options: object = {}) {
  return { extends: true as const, test: { name, include, exclude, ...options } };
}

/** More than the processors: tests of networks and of other programs mostly wait. */
const workers = availableParallelism() + 2;

export default defineConfig({
  resolve: {
    // Tests run the sources, so that nothing has to be built first; test/packed.test.ts runs what is published.
    alias: [
      { find: /^serpy-core\/testing$/, replacement: source('core/src/testing/index.ts') },
      { find: /^serpy-core\/types$/, replacement: source('core/src/types/index.ts') },
      { find: /^serpy-core$/, replacement: source('core/src/index.ts') },
      { find: /^serpy-contract-tests\/(.+)$/, replacement: source('contract-tests/src/$1.ts') },
      { find: /^serpy-v1$/, replacement: source('serpy-v1/src/index.ts') },
      { find: /^serpy-lines$/, replacement: source('serpy-lines/src/index.ts') },
      { find: /^serpy-v2$/, replacement: source('serpy-v2/src/index.ts') },
      { find: /^serpy-fault-proxy$/, replacement: source('fault-proxy/src/index.ts') },
      { find: /^serpy-arrays$/, replacement: source('arrays/src/index.ts') },
      { find: /^serpy-recording$/, replacement: source('serpy-recording/src/index.ts') },
      { find: /^serpy-bridge$/, replacement: source('serpy-bridge/src/index.ts') },
      { find: /^serpy-hub$/, replacement: source('serpy-hub/src/index.ts') },
      { find: /^serpy-view$/, replacement: source('serpy-view/src/index.ts') },
      { find: /^serpy$/, replacement: source('serpy/src/index.ts') },
    ],
  },
  test: {
    projects: [
      // A process for each file would cost half a second of a core.
      project('unit', all, [...net, ...e2e], { isolate: false }),
      project('net', net, e2e),
      // It runs after the others: its programs need the processors, and each of them starts in seconds on a busy computer.
      project('e2e', e2e, [], { sequence: { groupOrder: 1 }, testTimeout: 60_000 }),
    ],
    maxWorkers: workers,
    sequence: { sequencer: SlowFirst },
    globalSetup: ['test/global.ts'],
    setupFiles: ['test/leftovers.ts'],
    testTimeout: 20_000,
  },
});
