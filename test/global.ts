/** Around all test files: the place where the packages are installed by those that need them so, removed at the end. */
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A folder, not made yet: see `test/installed.ts`. */
    installed: string;
  }
}

export default function setup({ provide }: TestProject): () => void {
  const folder = join(tmpdir(), `serpy-installed-${process.pid}`);
  provide('installed', folder);
  return () => rmSync(folder, { recursive: true, force: true });
}
