import { parseUrl, urlOf } from 'serpy';
import { fc } from 'serpy-contract-tests/properties';
import { expect, test } from 'vitest';

const protocol = fc.constantFrom('v1', 'v2', 'auto', 'lines');
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
