/** The version of this package. */
import { createRequire } from 'node:module';

/** From package.json, which has the same relative path from `src` and from `dist`. */
export const { version } = createRequire(import.meta.url)('../package.json') as { version: string };
