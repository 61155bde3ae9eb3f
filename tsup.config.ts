import { defineConfig } from 'tsup';

// One configuration for every package: run from the package's own folder.
export default defineConfig({
  entry: ['src/index.ts'],
  format: ['esm', 'cjs'],
  target: 'es2022',
  platform: 'node',
  sourcemap: true,
  clean: true,
  // Users install no schema library: the few kilobytes that are used travel inside.
  noExternal: ['valibot', 'leven'],
  dts: {
    // Types of other packages come from what they publish, as a user's would.
    compilerOptions: { composite: false, paths: {}, emitDeclarationOnly: false },
  },
});
