/** The option `tls`: the supported options of node:tls. */
import type { ConnectionOptions, TlsOptions as ServerOptions } from 'node:tls';
import { OptionError } from '../errors.js';
import { checkNames } from '../options/option-names.js';

/** All options of node:tls, except those that the transport sets: addresses, sockets, sessions, timeouts and pre-shared keys. */
const tlsOptionNames = [
  'ca',
  'cert',
  'key',
  'passphrase',
  'pfx',
  'crl',
  'rejectUnauthorized',
  'requestCert',
  'servername',
  'checkServerIdentity',
  'SNICallback',
  'ALPNProtocols',
  'secureContext',
  'minVersion',
  'maxVersion',
  'ciphers',
  'sigalgs',
  'ecdhCurve',
  'dhparam',
  'minDHSize',
  'honorCipherOrder',
  'secureOptions',
  'enableTrace',
] as const satisfies readonly (keyof (ConnectionOptions & ServerOptions))[];

/** Certificates and how they are checked: unchanged options of `node:tls`. */
export interface TlsOptions extends Partial<Pick<ConnectionOptions & ServerOptions, (typeof tlsOptionNames)[number]>> {}

const expected = 'true, false, or an object with options of node:tls such as { ca, cert, key }';

export const tlsOption = {
  takes: expected,
  default: undefined,
  optional: true,
  parse(value: unknown, path: string): boolean | TlsOptions {
    if (typeof value === 'boolean') return value;
    if (value === null || typeof value !== 'object' || Array.isArray(value)) {
      throw new OptionError(`the option ${path} takes ${expected}`);
    }
    checkNames(value, tlsOptionNames, `${path}.`);
    return value;
  },
};
