/**
 * Property tests. Every run tries the same inputs, so that a run that fails can be repeated: `npm run test:long -- properties` tries
 * others. `SERPY_SEED=7` is one of those runs.
 */
import { fc, test } from '@fast-check/vitest';
export { fc, test };
