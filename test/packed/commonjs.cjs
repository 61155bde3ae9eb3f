// The packages in a CommonJS program.
const required = {
  serpy: require('serpy'),
  v1: require('serpy-v1'),
  v2: require('serpy-v2'),
  lines: require('serpy-lines'),
  faults: require('serpy-fault-proxy'),
  arrays: require('serpy-arrays'),
};

import('./exchange.mjs').then(({ exchange }) => exchange(required, required));
