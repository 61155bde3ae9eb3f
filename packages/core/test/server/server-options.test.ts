/** The settings that a server gives to the connections that it accepts. */
import { acceptedOptions, acceptedSettings, connectionOptions, parseOptions, serverOptions } from 'serpy-core';
import { expect, test } from 'vitest';

test('an accepted connection has the options of the server for connections, and the defaults of a client', () => {
  const server = parseOptions({ ...serverOptions, ...acceptedOptions }, { port: 5001, closeTimeoutMs: 70 });
  expect(acceptedSettings(server)).toEqual(parseOptions(connectionOptions, { closeTimeoutMs: 70 }));
});
