/** auto lives through every fault as v1 and v2 do. */

import { simulatingStatement } from 'serpy-contract-tests/simulation';
import type { ServerOptions } from 'serpy-contract-tests/stage';
import { describe } from 'vitest';
import { parseConnectOptions, parseListenOptions } from '../src/config/options.js';
import { Connection } from '../src/connection.js';
import type { Portable } from '../src/create-protocol.js';
import { Server } from '../src/server.js';

describe('auto', () => {
  simulatingStatement<Portable>({
    createConnection: (options, environment) => {
      const { protocol, host, port, ...settings } = parseConnectOptions({ protocol: 'auto', port: 1, ...options });
      return new Connection('auto', settings, environment);
    },
    createServer: (options: ServerOptions, environment) => {
      const { protocol, ...settings } = parseListenOptions({ protocol: 'auto', ...options });
      return new Server('auto', settings, environment);
    },
    samples: [],
    numbered: (n, sizeBytes = 8) => {
      const bytes = Buffer.alloc(sizeBytes, n);
      bytes.writeUInt32LE(n);
      return { value: bytes, data: bytes };
    },
    module: new URL('../src/index.ts', import.meta.url),
  });
});
