/** auto lives through every fault as v1 and v2 do. */
import { describe } from 'vitest';
import { simulatingStatement } from '../../core/src/testing/contract/simulating.js';
import type { ServerOptions } from '../../core/src/testing/contract/stage.js';
import { Connection } from '../src/connection.js';
import { parseConnectOptions, parseListenOptions } from '../src/options.js';
import type { Portable } from '../src/portable.js';
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
