/** The security of a server: its key or certificate, the limits of authentication, and the refusal to listen unprotected. */

import type { Clock } from '../environment.js';
import { InsecureError, OptionError } from '../errors.js';
import { type Security, type SecuritySettings, securityOf } from '../security/security.js';
import { isLoopback } from '../transport/address.js';
import type { ListenOptions } from '../transport/transport.js';
import { HandshakeLimiter, type HandshakeLimiterHost } from './handshake-limiter.js';
import type { ServerSettings } from './server-options.js';

/** The settings of a server: its own options, complete, and the options of its connections that the listener applies. */
export type ListenSettings = ServerSettings & SecuritySettings & { readonly keepAliveMs: number };

/**
 * The protection of the connections of a server; undefined for unencrypted ones.
 * @throws `ERR_SERPY_OPTION` for a key together with certificates, and for TLS without a certificate
 */
export function serverSecurityOf(settings: SecuritySettings): Security | undefined {
  const security = securityOf(settings);
  if (security?.kind !== 'certificates') return security;
  const { cert, pfx, secureContext, SNICallback } = security.tls;
  if (cert || pfx || secureContext || SNICallback) return security;
  throw new OptionError(
    'a server with TLS needs a certificate, tls: { cert, key }; or a key that its clients have too, key: generateKey()',
  );
}

/**
 * The warning of a server that other computers reach unprotected, because `insecure` is set; undefined for other servers.
 * @throws `ERR_SERPY_INSECURE` if `insecure` is not set
 */
export function exposureWarning(
  { host, insecure }: ListenSettings,
  security: Security | undefined,
): InsecureError | undefined {
  if (security || isLoopback(host)) return undefined;
  const open = `on ${host} everybody in the network can connect, read and send`;
  if (insecure)
    return new InsecureError(`${open} (insecure: true): give this server and its clients a key when you can`);
  throw new InsecureError(
    `the server was not started: ${open}. Give this server and its clients a key (key: generateKey(), once) or certificates ` +
      '(tls: { cert, key }), or listen on 127.0.0.1 for this computer only, or set insecure: true',
  );
}

/** The security options of the listener. */
export function listenSecurity(
  settings: ListenSettings,
  security: Security | undefined,
  clock: Clock,
  owner: HandshakeLimiterHost,
): Pick<ListenOptions, 'security' | 'gate'> {
  return security ? { security, gate: new HandshakeLimiter(settings, clock, owner) } : {};
}
