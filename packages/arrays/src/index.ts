/** serpy-arrays: typed arrays with their shape as .npy bytes and back. */
export {};
