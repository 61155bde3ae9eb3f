/** How the links of a connection or server are protected: with a key, with certificates, or not. */
import { OptionError } from '../errors.js';
import { type Key, type SharedKey, sharedKey } from './shared-key.js';
import type { TlsOptions } from './tls-options.js';

/** The options that select the protection. */
export interface SecuritySettings {
  /** The secret of both ends: encrypts, and authenticates both ends. Default: none. */
  readonly key?: Key | undefined;
  /** TLS with certificates: options of `node:tls`. `true` is the same as `{}`. Default false. */
  readonly tls?: boolean | TlsOptions | undefined;
}

/** The protection of a transport. */
export type Security =
  | { readonly kind: 'key'; readonly key: SharedKey }
  | { readonly kind: 'certificates'; readonly tls: TlsOptions };

/**
 * The protection that the settings select; undefined for unencrypted links. With a key, `tls` without a certificate has no effect.
 * @throws `ERR_SERPY_OPTION` for a key together with certificates: a server with both would accept clients without the key
 */
export function securityOf({ key, tls = false }: SecuritySettings): Security | undefined {
  const options = tls === true ? {} : tls;
  if (key === undefined) return options ? { kind: 'certificates', tls: options } : undefined;
  const given = Object.keys(options || {});
  if (given.length > 0) {
    throw new OptionError(
      `the options key and tls (${given.join(', ')}) exclude each other: a key needs no certificates. Remove one of the options`,
    );
  }
  return { kind: 'key', key: sharedKey(key) };
}
