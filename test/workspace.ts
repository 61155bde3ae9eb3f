/** The packages of this repository and their manifests. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** The folders in packages/. */
export const allPackages: readonly string[] = readdirSync(join(root, 'packages')).sort();

/** The folders of published packages that are built from TypeScript. The nodes of Node-RED are published as they are. */
export const packages: readonly string[] = allPackages.filter((folder) => {
  const { private: isPrivate, scripts } = readManifest(folder);
  return !isPrivate && scripts?.['build'] !== undefined;
});

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly exports?: string | Readonly<Record<string, unknown>>;
  readonly scripts?: Record<string, string>;
  readonly dependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
  readonly peerDependenciesMeta?: Record<string, { readonly optional: boolean }>;
  readonly optionalDependencies?: Record<string, string>;
  readonly bundleDependencies?: readonly string[];
}

export function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(root, 'packages', folder, 'package.json'), 'utf8')) as Manifest;
}
