/** v1 does what every connection must do. */

import { connectionContract } from 'serpy-contract-tests/contract';
import { Connection, Server, type V1 } from 'serpy-v1';

connectionContract<V1>('v1', {
  createConnection: (options, environment) => new Connection(options, environment),
  createServer: (options, environment) => new Server(options, environment),
  samples: [
    { value: 'hello', data: Buffer.from('hello') },
    { value: '', data: Buffer.alloc(0) },
    { value: 42, data: Buffer.from('42') },
    { value: 'two\x1fparts', data: Buffer.from('two\x1fparts') },
    { value: '\x01SETMODE4', data: Buffer.from('\x01SETMODE4') },
    { value: Buffer.of(0, 1, 4, 0x1f, 0xff), data: Buffer.of(0, 1, 4, 0x1f, 0xff) },
  ],
  numbered: (n, sizeBytes = 8) => {
    const bytes = Buffer.alloc(sizeBytes, n);
    bytes.writeUInt32LE(n);
    return { value: bytes, data: bytes };
  },
  acknowledged: { mode: 1 },
  module: new URL('../src/index.ts', import.meta.url),
});
