/** What v2 brings to the contract that every protocol passes, without a session or with one. */

import type { ProtocolUnderTest } from 'serpy-contract-tests/stage';
import { Connection, float, int, Server, type V2 } from 'serpy-v2';

export function v2Subject(session: 'off' | 'prefer'): ProtocolUnderTest<V2> {
  /** Wrong options stay as they are. */
  const withSession = (options: object): object =>
    options === null || Array.isArray(options) || typeof options !== 'object' ? options : { session, ...options };
  return {
    createConnection: (options, environment) => new Connection(withSession(options), environment),
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
    lasting: session !== 'off',
    module: new URL('../src/index.ts', import.meta.url),
  };
}
