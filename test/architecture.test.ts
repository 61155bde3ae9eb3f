/** The structure of the house, checked: who may know whom, and what a source file looks like. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packages as built, allPackages as packages, readManifest, root } from './workspace.js';

interface Source {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
}

/** The arrows: which of our packages each may depend on. */
const arrows: Record<string, string[]> = {
  'serpy-core': [],
  'serpy-v1': ['serpy-core'],
  'serpy-lines': ['serpy-core'],
  'serpy-arrays': ['serpy-core'],
  'serpy-v2': ['serpy-core', 'serpy-arrays'],
  serpy: ['serpy-core', 'serpy-arrays', 'serpy-v1', 'serpy-lines', 'serpy-v2'],
  'serpy-recording': ['serpy-core', 'serpy-arrays'],
  'serpy-hub': ['serpy-core', 'serpy-arrays', 'serpy'],
  'serpy-view': ['serpy-core', 'serpy-arrays', 'serpy', 'serpy-hub', 'serpy-recording'],
  'serpy-bridge': ['serpy-core', 'serpy-arrays', 'serpy', 'serpy-hub'],
  'serpy-cli': ['serpy', 'serpy-arrays', 'serpy-recording', 'serpy-hub', 'serpy-view', 'serpy-bridge'],
  'node-red-contrib-serpy': ['serpy'],
  'serpy-fault-proxy': [],
  'serpy-contract-tests': ['serpy-core'],
};

/** What else a package may depend on, each with what it is for. */
const libraries: Record<string, Record<string, string>> = {
  'serpy-cli': {
    'cli-progress': 'progress bars',
    commander: 'commands, options and their help',
    'fast-png': 'pictures',
    'hyparquet-writer': 'tables of exported recordings',
    picocolors: 'colours, and none where NO_COLOR says so',
  },
  'serpy-view': {
    ws: 'WebSocket',
  },
  'serpy-bridge': {
    mqtt: 'MQTT 5 and 3.1.1',
    '@nats-io/transport-node': 'NATS',
    '@nats-io/jetstream': 'streams of NATS, which acknowledge and keep messages',
  },
};

/** What a package uses only if the user has installed it. */
const optionalLibraries: Record<string, Record<string, string>> = {
  'serpy-cli': { h5wasm: 'HDF5 of exported recordings: 15 MB' },
};

/** Source files that may be longer than 300 lines, each with the reason. */
const longFiles: Record<string, string> = {
  'packages/core/src/link/link.ts': 'one state machine: a link from its start to its end',
  'packages/core/src/connection/connection.ts':
    'all that a program can do with a connection, each with what it promises',
  'packages/core/src/errors.ts': 'every error, one class after the other',
  'packages/core/src/queue/send-queue.ts': 'one state machine: a message from `sendData` to the wire',
  'packages/core/src/connection/lifecycle.ts': 'one state machine: a connection from its first attempt to its close',
  'packages/serpy-v1/src/v1-session.ts': 'one state machine: the state of v1 on a connection',
  'packages/serpy-v2/src/v2-session.ts':
    'one state machine: the state of v2 on a connection, with and without a session',
  'packages/serpy/src/auto/auto-session.ts': 'one state machine: messages until the protocol is detected',
  'packages/serpy-v2/src/decoder.ts': 'one state machine: frames of the base protocol and of a session',
  'packages/core/src/connection/channel.ts':
    'one object implements what link, queues and streams call, as each connection has them',
  'packages/serpy-v2/src/handshake/handshake.ts': 'the handshake is the session as core sees it, too',
  'packages/serpy-v2/src/reliable/reliable-session.ts':
    'one state machine: the records that the ends of a session exchange',
  'packages/serpy-v2/src/reliable/receiver.ts': 'one half of a session: numbers that must agree with each other',
  'packages/serpy-v2/src/reliable/sender.ts': 'the other half',
};

/** Source files with a variable at module level, each with the reason. */
const variableFiles: Record<string, string> = {
  'packages/core/src/connection/connection.ts':
    'the class hands out one door to its private side, once, for the server',
};

/** Where a clock may be imported, each with the reason. */
const clockFiles: Record<string, string> = {
  'packages/core/src/transport/system-clock.ts': 'the real clock',
  'packages/core/src/testing/': 'the clock that tests move by hand',
  'packages/contract-tests/src/': 'tests',
  'packages/fault-proxy/src/net/system.ts': 'the real clock',
  'packages/cli/src/environment/system.ts': 'the real clock',
  'packages/serpy-recording/src/system-clock.ts': 'the real clock',
};

type Level = string | readonly string[];

/**
 * The levels of each package, from top to bottom: folders and files of `src`. Each may import only from levels below its own; what stands
 * on one level does not know its neighbors. docs/architecture.md draws them.
 */
const levels: Record<string, readonly Level[]> = {
  core: [
    'types',
    'index',
    'server',
    'connection',
    ['requests', 'streams'],
    ['link', 'queue', 'reconnect', 'system-environment', 'testing'],
    ['environment', 'protocol'],
    'transport',
    'security',
    ['json', 'options'],
    ['buffers', 'errors', 'diagnostics'],
    ['any-error', 'describe-value', 'load-kernel', 'printable'],
  ],
  'serpy-v1': [
    'index',
    'server',
    ['connection', 'codec-streams'],
    'protocol',
    ['v1-session', 'options'],
    'values',
    'pickle',
    ['decoder', 'pickle/read', 'pickle/write'],
    ['heartbeat', 'pending-acks', 'pickle/format', 'wasm'],
    'wire',
  ],
  'serpy-lines': [
    'index',
    'server',
    ['connection', 'codec-streams'],
    'protocol',
    ['lines-session', 'options'],
    ['decoder', 'values', 'wire'],
  ],
  'serpy-v2': [
    'index',
    'server',
    ['connection', 'codec-streams'],
    'protocol',
    ['v2-session', 'options'],
    'handshake',
    'session',
    'reliable',
    'decoder',
    'values',
    'wire',
    'wasm',
  ],
  serpy: [
    'index',
    'listen',
    ['connect', 'portable-connection', 'server'],
    'connection',
    ['config', 'create-protocol', 'describe-connection'],
    'auto',
    'portable',
    'protocols',
  ],
  arrays: [
    'index',
    'get-array',
    'pickled-numpy',
    'npy',
    'raw-array',
    'layout',
    'ndarray',
    'check-bytes',
    ['dtype', 'float16', 'shape'],
  ],
  'serpy-hub': ['index', 'hub', 'serve', 'upstream', 'source', ['consumer', 'forward'], 'consumer-queue', 'message'],
  'serpy-bridge': [
    'index',
    'bridge',
    ['outbound/publisher', 'inbound'],
    ['options', 'outbound'],
    'brokers/keep-connected',
    ['brokers/mqtt', 'brokers/nats'],
    'brokers',
    'topics',
  ],
  'serpy-view': [
    'index',
    'view',
    ['source-views', 'show-options'],
    'recording',
    'server',
    'panels',
    'page',
    ['wire', 'qr-code', 'system', 'source-address'],
    'snippets',
  ],
  cli: [
    'main',
    'program',
    'commands',
    ['demo', 'export'],
    ['instruments', 'peers'],
    'messages',
    ['doctor', 'recording'],
    ['doctor/checks', 'flags', 'atomic-file', 'values'],
    ['bench', 'site', 'ui'],
    'failure',
    ['environment', 'format', 'version'],
  ],
  'serpy-recording': [
    'index',
    ['mark-recording', 'verify'],
    ['connection', 'reader'],
    'writer',
    'format',
    ['errors', 'system-clock'],
  ],
  'fault-proxy': [
    'index',
    'proxy',
    'live-link',
    'link',
    'direction',
    'pipeline',
    'stages',
    'options',
    'net',
    ['clock', 'errors', 'random'],
  ],
};

/** The level of a source file: its number, and the folder or file that stands there. The longest name that fits counts. */
function levelOf(folder: string, path: string): { readonly at: number; readonly name: string } | undefined {
  const inside = relative(join(root, 'packages', folder, 'src'), path)
    .replaceAll('\\', '/')
    .replace(/\.ts$/, '');
  const candidates = (levels[folder] ?? []).flatMap((level, at) => [level].flat().map((name) => ({ at, name })));
  return candidates
    .filter(({ name }) => inside === name || inside.startsWith(`${name}/`))
    .sort((one, other) => other.name.length - one.name.length)[0];
}

function typeScriptBelow(folder: string): string[] {
  if (!existsSync(folder)) return []; // the nodes of Node-RED are JavaScript
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

/** What `import … from '…'`, `export … from '…'`, `import '…'` and `import('…')` name, types included, comments not. */
function importsOf(text: string): string[] {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const found = code.matchAll(/^(?:import|export)\s+(?:[^'";]*?\sfrom\s+)?'([^']+)'|\bimport\(\s*'([^']+)'/gm);
  return [...found].map(([, statically, dynamically]) => statically ?? dynamically ?? '');
}

function sourcesOf(folder: string): Source[] {
  return typeScriptBelow(join(root, 'packages', folder, 'src')).map((path) => {
    const text = readFileSync(path, 'utf8');
    return { path, text, imports: importsOf(text) };
  });
}

const shown = (path: string) => relative(root, path).replaceAll('\\', '/');

const sources = Object.fromEntries(packages.map((folder) => [folder, sourcesOf(folder)]));
const allSources = Object.values(sources).flat();

/** The files that a file imports by a relative path. */
function neighbours({ path, imports }: Source): string[] {
  return imports
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => resolve(dirname(path), specifier.replace(/\.js$/, '.ts')));
}

/** A way from a file back to itself along relative imports, types included. */
function findCycle(): string[] | undefined {
  const graph = new Map(allSources.map((source) => [source.path, neighbours(source)]));
  const done = new Set<string>();
  const walk = (path: string, way: readonly string[]): string[] | undefined => {
    if (way.includes(path)) return [...way.slice(way.indexOf(path)), path];
    if (done.has(path)) return undefined;
    for (const next of graph.get(path) ?? []) {
      const cycle = walk(next, [...way, path]);
      if (cycle) return cycle;
    }
    done.add(path);
    return undefined;
  };
  for (const path of graph.keys()) {
    const cycle = walk(path, []);
    if (cycle) return cycle;
  }
  return undefined;
}

describe('packages', () => {
  test('are those of the plan', () => {
    expect(packages.map((folder) => readManifest(folder).name).sort()).toEqual(Object.keys(arrows).sort());
  });

  test.each(packages)('%s depends on what lies below it and on nothing else', (folder) => {
    const { name, dependencies = {} } = readManifest(folder);
    const allowed = [...(arrows[name] ?? []), ...Object.keys(libraries[name] ?? {})];
    expect(Object.keys(dependencies).sort()).toEqual(allowed.sort());
  });

  test.each(packages)('%s asks for nothing else when it is installed', (folder) => {
    const manifest = readManifest(folder);
    const {
      name,
      peerDependencies = {},
      peerDependenciesMeta = {},
      optionalDependencies,
      bundleDependencies,
    } = manifest;
    expect({ optionalDependencies, bundleDependencies }).toEqual({});
    const optional = Object.keys(optionalLibraries[name] ?? {});
    expect(Object.keys(peerDependencies)).toEqual(optional);
    expect(peerDependenciesMeta).toEqual(Object.fromEntries(optional.map((each) => [each, { optional: true }])));
  });

  test.each(packages)('%s imports none of our packages but those that it depends on', (folder) => {
    const allowed = arrows[readManifest(folder).name] ?? [];
    const ours = (sources[folder] ?? []).flatMap(({ path, imports }) =>
      imports
        .filter((specifier) => /^serpy(-|$|\/)/.test(specifier) && !allowed.includes(specifier.replace(/\/.*/, '')))
        .map((specifier) => `${shown(path)}: ${specifier}`),
    );
    expect(ours).toEqual([]);
  });

  test('share one version', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'lerna.json'), 'utf8')) as { version: string };
    for (const folder of packages) {
      const { version: own, dependencies = {} } = readManifest(folder);
      expect(own, folder).toBe(version);
      const ours = Object.entries(dependencies).filter(([name]) => name in arrows);
      for (const [name, range] of ours) expect(range, `${folder}: ${name}`).toBe(`^${version}`);
    }
  });
});

describe('source files', () => {
  test('import nothing outside their package by a relative path', () => {
    const escapes = packages.flatMap((folder) =>
      (sources[folder] ?? []).flatMap((source) =>
        neighbours(source)
          .filter((target) => relative(join(root, 'packages', folder, 'src'), target).startsWith('..'))
          .map((target) => `${shown(source.path)} imports ${shown(target)}`),
      ),
    );
    // The stage encrypts raw sockets as core does, which no program has a use for.
    expect(escapes).toEqual(['packages/contract-tests/src/stage.ts imports packages/core/src/security/security.ts']);
  });

  test('import each other in no circle, not even for types', () => {
    expect(findCycle()?.map(shown)).toBeUndefined();
  });

  test.each(Object.keys(levels))('of %s import only what stands on a lower level', (folder) => {
    const faults = (sources[folder] ?? []).flatMap((source) => {
      const own = levelOf(folder, source.path);
      if (own === undefined) return [`${shown(source.path)} stands on no level`];
      return neighbours(source).flatMap((target) => {
        const other = levelOf(folder, target);
        const allowed = other !== undefined && (other.at > own.at || other.name === own.name);
        return allowed ? [] : [`${shown(source.path)} (${own.name}) imports ${shown(target)} (${other?.name})`];
      });
    });
    expect(faults).toEqual([]);
  });

  test.each(Object.entries(levels))('of %s have the levels that docs/architecture.md shows', (folder, rows) => {
    const text = rows.map((level) => (typeof level === 'string' ? level : `{${level.join(', ')}}`)).join(' > ');
    expect(readFileSync(join(root, 'docs', 'architecture.md'), 'utf8')).toContain(`| ${folder} | ${text} |`);
  });

  test('of every published package stand on levels', () => {
    expect(Object.keys(levels).sort()).toEqual(built.toSorted());
  });

  test('take time and randomness from what is passed in: they import no timers and no clock', () => {
    const users = allSources.filter(({ imports }) =>
      imports.some((specifier) => /^(node:)?(timers|timers\/promises|perf_hooks)$/.test(specifier)),
    );
    const allowed = Object.keys(clockFiles);
    const others = users
      .map(({ path }) => shown(path))
      .filter((path) => !allowed.some((start) => path.startsWith(start)));
    expect(others).toEqual([]);
  });

  test('use node:net and node:tls in core’s transport folder and the fault proxy’s tcp.ts alone', () => {
    const users = allSources.filter(({ imports }) =>
      imports.some((specifier) => /^(node:)?(net|tls|dgram)$/.test(specifier)),
    );
    const mayOpenSockets =
      /^packages\/(core\/src\/(transport\/|security\/tls-options\.ts)|fault-proxy\/src\/net\/tcp\.ts|contract-tests\/)/;
    expect(users.map(({ path }) => shown(path)).filter((path) => !mayOpenSockets.test(path))).toEqual([]);
  });

  test('connect sockets alike in core and in the fault proxy, which has a copy as it depends on nothing', () => {
    const [core, proxy] = ['core/src/transport', 'fault-proxy/src/net'].map((folder) =>
      readFileSync(join(root, 'packages', folder, 'connect-socket.ts'), 'utf8'),
    );
    expect(proxy).toBe(core);
  });

  test('name the protocol packages in the facade’s protocols.ts alone', () => {
    const users = (sources.serpy ?? []).filter(({ imports }) =>
      imports.some((specifier) => /^serpy-v\d/.test(specifier)),
    );
    expect(users.map(({ path }) => shown(path))).toEqual(['packages/serpy/src/protocols.ts']);
  });

  test('begin with a comment that says what they are for', () => {
    const bare = allSources.filter(({ text }) => !/^(?:#!.*\n)?(?:\/\*\*|\/\/)/.test(text));
    expect(bare.map(({ path }) => shown(path))).toEqual([]);
  });

  test('are called by what they are: none is called utils or helpers', () => {
    const vague = allSources.filter(({ path }) => /(?:^|[/\\-])(?:utils?|helpers?|misc|common)\.ts$/.test(path));
    expect(vague.map(({ path }) => shown(path))).toEqual([]);
  });

  test('are 300 lines at most, but for those with a reason', () => {
    const long = allSources.filter(({ text }) => text.split('\n').length - 1 > 300).map(({ path }) => shown(path));
    expect(long.sort()).toEqual(Object.keys(longFiles).sort());
  });

  test('keep no state of their own: nothing at module level can be reassigned, but with a reason', () => {
    const stateful = allSources.filter(({ text }) => /^(?:export )?(?:let|var) /m.test(text));
    expect(stateful.map(({ path }) => shown(path)).sort()).toEqual(Object.keys(variableFiles).sort());
  });
});

describe('test files', () => {
  test('name things by the standard words of CONTRIBUTING.md', () => {
    const old = /\b\w*(?:[Dd]ial(?:s|led|ling)\b|\btold\b|Told\b|[Hh]onest|[Ss]tranger|[Hh](?:ung|ang)Up)\w*/;
    const folders = [
      ...packages.map((folder) => join('packages', folder, 'test')),
      'packages/contract-tests/src',
      'test',
    ];
    const files = folders.flatMap((folder) => typeScriptBelow(join(root, folder)));
    const faults = files
      .filter((path) => !/[/\\](?:prose|architecture)\.test\.ts$/.test(path)) // they have lists of the words
      .flatMap((path) => old.exec(readFileSync(path, 'utf8'))?.map((found) => `${shown(path)}: ${found}`) ?? []);
    expect(files.length).toBeGreaterThan(300);
    expect(faults).toEqual([]);
  });

  test('are each in exactly one project of the runner', { timeout: 60_000 }, async () => {
    const { status, stdout } = spawnSync(
      process.execPath,
      [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'list', '--filesOnly', '--json'],
      { cwd: root, encoding: 'utf8' },
    );
    expect(status).toBe(0);
    const files = JSON.parse(stdout) as { file: string; projectName: string }[];
    const listed = files.map(({ file }) => shown(file)).sort();
    const present = ['packages', 'test']
      .flatMap((folder) => typeScriptBelow(join(root, folder)))
      .filter((path) => path.endsWith('.test.ts') && !path.includes('node_modules'))
      .map(shown);
    expect(listed).toEqual(present.sort());
    // The files of `unit` share a process: a module that one of them replaces would be replaced in the next one, too.
    const mocking = files.filter(
      ({ file, projectName }) => projectName === 'unit' && /^vi\.mock\(/m.test(readFileSync(file, 'utf8')),
    );
    expect(mocking.map(({ file }) => shown(file))).toEqual([]);
  });
});
