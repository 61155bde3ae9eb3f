/** v2 does what every connection must do. */
import { Connection, float, int, Server, type V2 } from 'serpy-v2';
import { connectionContract } from '../../core/src/testing/contract.js';

/** Without a session also where there is a key. Wrong options stay as they are. */
function plainly(options: object): object {
  return options === null || Array.isArray(options) || typeof options !== 'object'
    ? options
    : { handshake: 'off', ...options };
}

connectionContract<V2>('v2', {
  createConnection: (options, environment) => new Connection(plainly(options), environment),
  createServer: (options, environment) => new Server(options, environment),
  samples: [
    { value: 'grüß dich', data: 'grüß dich' },
    { value: '', data: '' },
    { value: 42, data: 42 },
    { value: -0, data: -0 },
    { value: 2n ** 63n - 1n, data: 2n ** 63n - 1n },
    { value: int(7), data: 7 },
    { value: float(7), data: 7 },
    { value: 0.1, data: 0.1 },
    { value: Buffer.of(0, 1, 2, 0xde, 0xca, 0xfe), data: Buffer.of(0, 1, 2, 0xde, 0xca, 0xfe) },
  ],
  numbered: (n, sizeBytes = 8) => {
    const bytes = Buffer.alloc(sizeBytes, n);
    bytes.writeUInt32LE(n);
    return { value: bytes, data: bytes };
  },
  module: new URL('../src/index.ts', import.meta.url),
});
