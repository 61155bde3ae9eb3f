/** How the links of a connection or server are protected: by a key, by certificates, or not at all. */
import { OptionError } from '../errors.js';
import { type Key, type SharedKey, sharedKey } from './shared-key.js';
import type { TlsOptions } from './tls-options.js';

/** The settings that say it. */
export interface SecuritySettings {
  /** The secret that both ends hold: encrypts, and proves each end to the other. Default none. */
  readonly key?: Key | undefined;
  /** TLS with certificates: options of `node:tls`. `true` is the same as `{}`. Default false. */
  readonly tls?: boolean | TlsOptions | undefined;
}

/** What a transport is told of it. */
export type Security =
  | { readonly kind: 'key'; readonly key: SharedKey }
  | { readonly kind: 'certificates'; readonly tls: TlsOptions };

/**
 * What the settings ask for; undefined for links in the open. `tls` without a certificate beside a key says no more than the key does.
 * @throws `ERR_SERPY_OPTION` for a key and certificates together: a server with both would take clients that have no key
 */
export function securityOf({ key, tls = false }: SecuritySettings): Security | undefined {
  const options = tls === true ? {} : tls;
  if (key === undefined) return options ? { kind: 'certificates', tls: options } : undefined;
  const given = Object.keys(options || {});
  if (given.length > 0) {
    throw new OptionError(
      `the options key and tls (${given.join(', ')}) exclude each other: a key needs no certificates, leave one of them out`,
    );
  }
  return { kind: 'key', key: sharedKey(key) };
}
