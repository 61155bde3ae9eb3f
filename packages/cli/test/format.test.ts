import { expect, test } from 'vitest';
import { serverUrl } from '../src/format.js';

test.each<[Parameters<typeof serverUrl>[0], host: string, url: string]>([
  [{ protocol: 'v2' }, 'fe80::1%eth0', 'serpy2://[fe80::1%25eth0]:5001'],
  [{ protocol: 'v1' }, '0.0.0.0', 'serpy1://127.0.0.1:5001'],
  [{ protocol: 'auto', key: 'k' }, '::', 'serpy+tls://[::1]:5001'],
  [{ protocol: 'auto', tls: { cert: '' } }, '10.0.0.1', 'serpy+tls://10.0.0.1:5001'],
])('a server with %j on %s is a URL that a client on this computer accepts', (options, host, url) => {
  expect(serverUrl(options, { host, port: 5001 })).toBe(url);
});
