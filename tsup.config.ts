// One build for every package: run from the package's own folder.
import { readFileSync } from 'node:fs';
import { defineConfig } from 'tsup';

interface Manifest {
  readonly exports: Record<string, unknown>;
  readonly bin?: Record<string, string>;
}

const { exports, bin } = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;

/** What a package exports is what is built: `.` from src/index.ts, `./testing` from src/testing/index.ts; a command from src/main.ts. */
function entries(): Record<string, string> {
  if (bin) return { main: 'src/main.ts' };
  const names = Object.keys(exports).filter((name) => name !== './package.json');
  return Object.fromEntries(
    names.map((name) => (name === '.' ? ['index', 'src/index.ts'] : [name.slice(2), `src/${name.slice(2)}/index.ts`])),
  );
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
  // Users install no schema library: the few kilobytes that are used travel inside.
  noExternal: ['valibot', 'leven'],
  dts: bin
    ? false
    : {
        // Types of other packages come from what they publish, as a user's would.
        compilerOptions: { composite: false, paths: {}, emitDeclarationOnly: false },
      },
});
