/** Splits a URL of serpy. The class URL cannot be used: it rejects zones of IPv6 addresses and changes names with other than ASCII characters. */
import { OptionError } from 'serpy-core';
import type { ProtocolName } from '../protocols.js';

/** The scheme of a URL, and the protocol that it stands for. */
export const schemes: Readonly<Record<string, ProtocolName>> = {
  serpy1: 'v1',
  serpy2: 'v2',
  serpy: 'auto',
  lines: 'lines',
};

const urlForm =
  "a URL such as 'serpy2://127.0.0.1:5001' (serpy1, serpy2, serpy to detect the protocol, or lines for lines of text; +tls to encrypt)";

/** Parameters that a URL must not have. */
const secretNames = ['key', 'tls.key', 'tls.pfx', 'tls.passphrase'];

const keyOptionPaths = 'write ?keyFile=path, set SERPY_KEY or SERPY_KEY_FILE, or give the option to connect or listen';

export interface UrlParts {
  readonly scheme: string;
  readonly protocol: ProtocolName;
  readonly encrypted: boolean;
  readonly host: string;
  readonly port: number;
  readonly parameters: URLSearchParams;
}

/** @throws `ERR_SERPY_OPTION` for a text that is not a URL of serpy, and for a URL that holds a key. The error does not show the key */
export function urlParts(url: string): UrlParts {
  const match = /^\s*([a-z\d]+)(\+tls)?:\/\/([^/?#]*)(\/?)(?:\?([^#]*))?(#.*)?$/is.exec(withoutSpace(url));
  const [, name = '', tls = '', authority = '', , query = '', fragment] = match ?? [];
  const protocol = Object.hasOwn(schemes, name.toLowerCase()) ? schemes[name.toLowerCase()] : undefined;
  if (protocol === undefined) throw notUrl(url);
  const scheme = `${name}${tls}`.toLowerCase();
  if (authority.includes('@')) throw notUrl(url, 'it must not have an @');
  if (fragment !== undefined) throw notUrl(url, 'it must not have a #, and options follow a ?');
  if (/;/.test(authority + query)) throw notUrl(url, 'options follow a ? and are separated by &, not by ;');
  const parameters = new URLSearchParams(query);
  for (const secret of secretNames) {
    if (parameters.has(secret))
      throw new OptionError(`a URL must not hold ${secret}, since URLs are often logged. Instead, ${keyOptionPaths}`);
  }
  const [, address = '', digits] = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(authority) ?? [];
  const host = hostOf(address);
  if (host === undefined || Number(digits) > 65_535) throw notUrl(url);
  if (!digits) throw new OptionError(`${redact(url)} has no port. Write ${scheme}://${address}:5001`);
  return { scheme, protocol, encrypted: tls !== '', host, port: Number(digits), parameters };
}

/** Without white space at the end, as in a line of a file, unless it is the value of `terminator`. */
function withoutSpace(url: string): string {
  return /[?&]terminator=\s+$/.test(url) ? url : url.trimEnd();
}

/** The host: a name to look up, or an address. Undefined for any other text. */
function hostOf(text: string): string | undefined {
  const [, inBrackets] = /^\[(.*)\]$/s.exec(text) ?? [];
  const host = inBrackets === undefined ? decoded(text) : ipv6Of(inBrackets);
  return host !== undefined && /^[^\s\0-\x1f\x7f]+$/.test(host) ? host : undefined;
}

/** The `%` before a zone is written `%25` in a URL (RFC 6874). A single `%`, as in a copied address, is accepted. */
function ipv6Of(text: string): string | undefined {
  const [, address, zone] = /^([\da-f:.]*:[\da-f:.]*)(?:%(.+))?$/i.exec(text) ?? [];
  if (address === undefined || zone === undefined) return address;
  const name = decoded(zone.replace(/^25(?=.)/, ''));
  return name === undefined ? undefined : `${address}%${name}`;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function notUrl(url: string, rule?: string): OptionError {
  return new OptionError(`${redact(url)} is not ${urlForm}${rule === undefined ? '' : `: ${rule}`}`);
}

/** Makes a URL safe to show: a user may put a key anywhere in it, or pass a key alone. */
function redact(url: string): string {
  const [, start = '', address = '', rest = ''] = /^([^/?#;@]*:\/\/)?(?:[^/?#]*@)?([^/?#;@]*)(.*)$/s.exec(url) ?? [];
  const text = `${start}${address}`.replaceAll(/[\w+/=-]{32,}/g, '…');
  return JSON.stringify(rest === '' ? text : `${text}${rest[0]}…`);
}
