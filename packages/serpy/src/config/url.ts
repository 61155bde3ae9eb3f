/** Options from a URL: `serpy2://host:port?autoRestart=true`. */
import { OptionError } from 'serpy-core';
import { emptyOptions, setOption } from './option-path.js';
import type { ConnectOptions, ListenOptions } from './options.js';
import { urlParts } from './url-parts.js';

/**
 * The options that a URL states: `serpy1://host:port`, `serpy2://host:port`, or `serpy://host:port` for auto, and
 * `serpy1+tls://…`, `serpy2+tls://…`, `serpy+tls://…` for the same over TLS: with the key that is given elsewhere, or certificates.
 * More options follow as `?autoRestart=true&sendQueue.maxMessages=10`, and `?keyFile=lab.key` for a key. Their values are checked by
 * `connect` and `listen`.
 * @throws `ERR_SERPY_OPTION` for what is no such URL, and for one that holds a key
 */
export function parseUrl(url: string): ConnectOptions & ListenOptions {
  const { scheme, protocol, encrypted, host, port, parameters } = urlParts(url);
  const options = Object.assign(emptyOptions(), { protocol, host, port });
  for (const [name, value] of parameters) setOption(options, name === 'keyFile' ? 'key.file' : name, value);
  if (encrypted) encrypt(options, scheme);
  return options as unknown as ConnectOptions & ListenOptions; // checked where it is used
}

/** `tls` beside a key says no more than the key does. */
function encrypt(options: Record<string, unknown>, scheme: string): void {
  if (options.tls === false) throw new OptionError(`${scheme}://… is encrypted, and tls=false says that it is not`);
  options.tls ??= {};
}
