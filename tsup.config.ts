// One build for every package: run from the package's own folder.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig, type Options } from 'tsup';

interface Manifest {
  readonly version: string;
  readonly exports: Record<string, unknown>;
  readonly bin?: Record<string, string>;
}

const { version, exports, bin } = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;

/** What a package exports is what is built: `.` from src/index.ts, `./testing` from src/testing/index.ts; a command from src/main.ts. */
function entries(): Record<string, string> {
  if (bin) return { main: 'src/main.ts' };
  const names = Object.keys(exports).filter((name) => name !== './package.json');
  return Object.fromEntries(
    names.map((name) => (name === '.' ? ['index', 'src/index.ts'] : [name.slice(2), `src/${name.slice(2)}/index.ts`])),
  );
}

type Plugin = NonNullable<Options['esbuildPlugins']>[number];

interface Library {
  readonly name: string;
  readonly version: string;
  readonly license: string;
}

/** Writes who made the libraries that travel inside, and on which terms: their licences ask for it. */
const notices: Plugin = {
  name: 'notices',
  setup(build) {
    build.initialOptions.metafile = true;
    build.onEnd(({ metafile }) => {
      const inside = Object.values(metafile?.outputs ?? {}).flatMap(({ inputs }) => Object.entries(inputs));
      const folders = inside
        .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
        .flatMap(([path]) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
      const texts = [...new Set(folders)].sort().map(noticeOf);
      if (texts.length === 0) return;
      mkdirSync('dist', { recursive: true }); // the first build makes it only after this
      writeFileSync('dist/THIRD-PARTY-NOTICES.txt', texts.join(`\n${'-'.repeat(80)}\n\n`));
    });
  },
};

function noticeOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Library;
  const file = readdirSync(folder).find((each) => /^licen[cs]e(?:\.|$)/i.test(each));
  if (!file) throw new Error(`${name} travels inside, and has no licence to send along`);
  return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
}

export default defineConfig({
  entry: entries(),
  format: bin ? ['esm'] : ['esm', 'cjs'],
  target: 'es2022',
  platform: 'node',
  sourcemap: true,
  clean: true,
  removeNodeProtocol: false,
  silent: true,
  // Users install no library where a few kilobytes can be bundled.
  noExternal: ['leven', 'uqr'],
  define: { PACKAGE_VERSION: JSON.stringify(version) },
  esbuildPlugins: [notices],
  dts: bin
    ? false
    : {
        // Types of other packages come from what they publish, as a user's would.
        compilerOptions: { composite: false, paths: {}, emitDeclarationOnly: false },
      },
});
