/** The types of the packages for a CommonJS program in TypeScript. */
import serpy = require('serpy');
import arrays = require('serpy-arrays');
import core = require('serpy-core');
import testing = require('serpy-core/testing');
import faults = require('serpy-fault-proxy');
import lines = require('serpy-lines');
import v1 = require('serpy-v1');
import v2 = require('serpy-v2');

const made: [v1.Connection, v2.Connection, lines.Connection] = [
  new v1.Connection(),
  new v2.Connection(),
  new lines.Connection(),
];
const listening = serpy.listen({ protocol: 'v1', port: 0 });
const parts = [
  new core.ByteQueue(),
  testing.seededRandom(1),
  new faults.FaultProxy({ target: { port: 1 } }),
  arrays.encodeNpy(new Float32Array(1)),
];

export = { made, listening, parts };
