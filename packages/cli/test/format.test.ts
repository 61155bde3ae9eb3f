import fc from 'fast-check';
import { parseUrl } from 'serpy';
import { expect, test } from 'vitest';
import { serverUrl, urlOf } from '../src/format.js';

const protocol = fc.constantFrom('v1', 'v2', 'auto');
const port = fc.integer({ min: 0, max: 65_535 });
const name = fc.oneof(
  fc.domain(),
  fc.ipV4(),
  fc.stringMatching(/^[a-zäöüß０-９_.%@/?#;[\]-]{1,20}$/),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((text) => /^[^\s\p{C}:]+$/u.test(text)),
);
const zone = fc.stringMatching(/^[a-z0-9%. _-]{1,12}$/).filter((text) => !/\s/.test(text));
const host = fc.oneof(
  name,
  fc.ipV6(),
  fc.tuple(fc.ipV6(), zone).map(([address, each]) => `${address}%${each}`),
);

test('an address that is written as a URL is read as the same address, whatever the host is called', () => {
  fc.assert(
    fc.property(protocol, host, port, fc.boolean(), (protocol, host, port, encrypted) => {
      const url = urlOf(protocol, { host, port }, encrypted);
      expect(parseUrl(url)).toEqual({ protocol, host, port, ...(encrypted && { tls: {} }) });
    }),
    { numRuns: 500 },
  );
});

test('a name beyond ASCII is shown as it is', () => {
  expect(urlOf('auto', { host: 'labor-müller', port: 5001 })).toBe('serpy://labor-müller:5001');
});

test.each([
  [{ protocol: 'v2' }, 'fe80::1%eth0', 'serpy2://[fe80::1%25eth0]:5001'],
  [{ protocol: 'v1' }, '0.0.0.0', 'serpy1://127.0.0.1:5001'],
  [{ protocol: 'auto', key: 'k' }, '::', 'serpy+tls://[::1]:5001'],
  [{ protocol: 'auto', tls: { cert: '' } }, '10.0.0.1', 'serpy+tls://10.0.0.1:5001'],
])('a server with %j on %s is told as a URL that a client takes', (options, host, url) => {
  expect(serverUrl(options, { host, port: 5001 })).toBe(url);
});
