/** What a server does about who may connect: its key or certificate, its gate, and its refusal to stand open to other computers. */

import type { Clock } from '../environment.js';
import { InsecureError, OptionError } from '../errors.js';
import { type Security, type SecuritySettings, securityOf } from '../security/security.js';
import { isLoopback } from '../transport/address.js';
import type { ListenOptions } from '../transport/transport.js';
import { HandshakeLimiter, type HandshakeLimiterHost } from './handshake-limiter.js';
import type { ServerSettings } from './server-options.js';

/** What a server needs: its own options, complete, and those of its connections that the listener applies. */
export type ListenSettings = ServerSettings & SecuritySettings & { readonly keepAliveMs: number };

/**
 * What protects the connections of a server; undefined for nothing.
 * @throws `ERR_SERPY_OPTION` for a key and certificates together, and for TLS without a certificate to show
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
 * What there is to say of a server that other computers reach in the open, because its options say that it may; undefined for others.
 * @throws `ERR_SERPY_INSECURE` where they do not say it
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
    `${open}: give this server and its clients a key (key: generateKey(), once), or certificates (tls: { cert, key }), ` +
      'or listen on 127.0.0.1 for this computer alone, or say insecure: true',
  );
}

/** What a listener is told of it. */
export function listenSecurity(
  settings: ListenSettings,
  security: Security | undefined,
  clock: Clock,
  owner: HandshakeLimiterHost,
): Pick<ListenOptions, 'security' | 'gate'> {
  return security ? { security, gate: new HandshakeLimiter(settings, clock, owner) } : {};
}
