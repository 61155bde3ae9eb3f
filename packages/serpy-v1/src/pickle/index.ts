/** Pickles as data: read without executing anything, written without naming anything. */

export {
  DEFAULT_MAX_PICKLE_BYTES,
  DEFAULT_MAX_PICKLE_DEPTH,
  DEFAULT_MAX_PICKLE_ITEMS,
  type PickleLimits,
} from './limits.js';
export { readPickle } from './reader.js';
export { NumpyArray, type Picklable, type PickleResult, type PickleValue } from './values.js';
export { writePickle } from './writer.js';
