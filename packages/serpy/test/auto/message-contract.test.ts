/** auto keeps the promises about broadcasts, lifetimes and the newest message, as v1 and v2 do. */

import { messageContract } from 'serpy-contract-tests/contract';
import type { ServerOptions } from 'serpy-contract-tests/stage';
import { parseConnectOptions, parseListenOptions } from '../../src/config/options.js';
import { Connection } from '../../src/connection.js';
import type { Portable } from '../../src/create-protocol.js';
import { Server } from '../../src/server.js';

messageContract<Portable>('auto', {
  createConnection: (options, environment) => {
    const { protocol, host, port, ...settings } = parseConnectOptions({
      protocol: 'auto',
      port: 1,
      autoRestart: false,
      ...options,
    });
    return new Connection('auto', settings, environment);
  },
  createServer: (options: ServerOptions, environment) => {
    const { protocol, ...settings } = parseListenOptions({ protocol: 'auto', ...options });
    return new Server('auto', settings, environment);
  },
  samples: ['text', 42, Buffer.of(0, 1, 2)].map((value) => ({ value, data: value })),
  numbered: (n, sizeBytes = 8) => {
    const bytes = Buffer.alloc(sizeBytes, n);
    bytes.writeUInt32LE(n);
    return { value: bytes, data: bytes };
  },
  lasting: true,
  module: new URL('../../src/index.ts', import.meta.url),
});
