/** Lines do what every connection must do. */

import { connectionContract } from 'serpy-contract-tests/contract';
import { Connection, type Lines, Server } from 'serpy-lines';

const sample = (text: string) => ({ value: text, data: text });

connectionContract<Lines>('lines', {
  createConnection: (options, environment) => new Connection(options, environment),
  createServer: (options, environment) => new Server(options, environment),
  samples: ['*IDN?', '', ' two words ', 'exposure 20 µs', '\r inside', '\0', '漢字 🔬'].map(sample),
  numbered: (n, sizeBytes = 8) => sample(`${n} `.padEnd(sizeBytes, '.')),
  textOnly: true,
  module: new URL('../src/index.ts', import.meta.url),
});
