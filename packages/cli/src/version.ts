/** The version of this package. */
import { createRequire } from 'node:module';

/** From the manifest: the same file beside `src` and beside `dist`. */
export const { version } = createRequire(import.meta.url)('../package.json') as { version: string };
