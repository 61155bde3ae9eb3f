/** Reads options from a URL: `serpy2://host:port?autoRestart=true`. */
import { OptionError } from 'serpy-core';
import { emptyOptions, setOption } from './option-path.js';
import type { ConnectOptions, ListenOptions } from './options.js';
import { urlParts } from './url-parts.js';

/**
 * The options in a URL: `serpy1://host:port`, `serpy2://host:port`, or `serpy://host:port` for auto, and `serpy1+tls://…`,
 * `serpy2+tls://…`, `serpy+tls://…` for the same over TLS, with a key that is set elsewhere or with certificates. `lines://host:port` and
 * `lines+tls://host:port` are for lines of text. More options follow as
 * `?autoRestart=true&sendQueue.maxMessages=10`, and `?keyFile=lab.key` for a key. `connect` and `listen` check the values.
 * @throws `ERR_SERPY_OPTION` for a text that is not such a URL, and for a URL that holds a key
 */
export function parseUrl(url: string): ConnectOptions & ListenOptions {
  const { scheme, protocol, encrypted, host, port, parameters } = urlParts(url);
  const options = Object.assign(emptyOptions(), { protocol, host, port });
  for (const [name, value] of parameters) setOption(options, name === 'keyFile' ? 'key.file' : name, value);
  if (encrypted) encrypt(options, scheme);
  return options as unknown as ConnectOptions & ListenOptions; // checked by connect and listen
}

/** Sets `tls`. With a key, this has no further effect. */
function encrypt(options: Record<string, unknown>, scheme: string): void {
  if (options.tls === false)
    throw new OptionError(`${scheme}://… is encrypted, which contradicts tls=false. Omit one of them`);
  options.tls ??= {};
}
