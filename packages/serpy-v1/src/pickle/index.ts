/** Reads pickles as data without executing anything, and writes pickles that name no class or function. */

export {
  DEFAULT_MAX_PICKLE_BYTES,
  DEFAULT_MAX_PICKLE_DEPTH,
  DEFAULT_MAX_PICKLE_ITEMS,
  type PickleLimits,
} from './format/limits.js';
export { NumpyArray, type Picklable, type PickleResult, type PickleValue } from './format/values.js';
export { readPickle } from './read/reader.js';
export { writePickle } from './write/writer.js';
