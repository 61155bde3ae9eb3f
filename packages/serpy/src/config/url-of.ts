/** A URL of serpy from an address: the opposite of `parseUrl`. */
import type { Address } from 'serpy-core';
import type { ProtocolName } from '../protocols.js';
import { schemes } from './url-parts.js';

/** The URL of an address, such as `serpy2://192.168.1.20:5001`. @param encrypted adds `+tls` */
export function urlOf(protocol: ProtocolName, { host, port }: Address, encrypted = false): string {
  const [scheme] = Object.entries(schemes).find(([, each]) => each === protocol) ?? ['serpy'];
  return `${scheme}${encrypted ? '+tls' : ''}://${hostInUrl(host)}:${port}`;
}

/** Escapes only what a URL cannot contain, so that a name stays readable. The `%` before the zone of an IPv6 address is written `%25`. */
function hostInUrl(host: string): string {
  const safe = host.replaceAll(/[%\s/?#;@[\]]/g, encodeURIComponent);
  return safe.includes(':') ? `[${safe}]` : safe;
}
