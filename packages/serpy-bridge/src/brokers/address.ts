/** The address of a broker and its secrets. No secret is in a URL, since other users of the computer see command lines. */
import { readFileSync } from 'node:fs';
import { checkNames, OptionError } from 'serpy-core';

export interface BrokerOptions {
  /** `mqtt://`, `mqtts://`, `nats://` or `nats+tls://`, with host and port. */
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** A file whose first line is the password. */
  readonly passwordFile?: string | undefined;
  /** The certificate of the authority that signed that of the broker (PEM), as a file. */
  readonly caFile?: string | undefined;
  /** The certificate and private key of this program (PEM), as files. */
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  /** The version of MQTT. Default `'auto'`: 5, and 3.1.1 if the broker does not speak 5. */
  readonly mqttVersion?: '5' | '3.1.1' | 'auto' | undefined;
  /** The stream of JetStream that is created if no stream has the subjects. Default `'serpy'`. */
  readonly stream?: string | undefined;
}

export interface BrokerAddress {
  readonly kind: 'mqtt' | 'nats';
  readonly host: string;
  readonly port: number;
  readonly encrypted: boolean;
  /** Without user and password. */
  readonly url: string;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly ca: Buffer | undefined;
  readonly cert: Buffer | undefined;
  readonly key: Buffer | undefined;
  readonly mqttVersion: '5' | '3.1.1' | 'auto';
  readonly stream: string;
}

const names = ['url', 'user', 'password', 'passwordFile', 'caFile', 'certFile', 'keyFile', 'mqttVersion', 'stream'];

const schemes: Readonly<Record<string, { kind: 'mqtt' | 'nats'; encrypted: boolean; usualPort: number }>> = {
  'mqtt:': { kind: 'mqtt', encrypted: false, usualPort: 1883 },
  'mqtts:': { kind: 'mqtt', encrypted: true, usualPort: 8883 },
  'nats:': { kind: 'nats', encrypted: false, usualPort: 4222 },
  'nats+tls:': { kind: 'nats', encrypted: true, usualPort: 4222 },
};

const urlForms = 'mqtt://HOST:PORT, mqtts://, nats:// or nats+tls://';

/** Checks the address and reads the files. @throws `ERR_SERPY_OPTION`, whose message contains no secret */
export function brokerAddress(broker: string | BrokerOptions): BrokerAddress {
  const options: BrokerOptions = typeof broker === 'string' ? { url: broker } : broker;
  if (options === null || typeof options !== 'object')
    throw new OptionError(`broker is a URL (${urlForms}) or an object with one, not ${typeof broker}`);
  checkNames(options, names);
  const { kind, encrypted, url, host, port, user: userOfUrl } = parse(options.url);
  const { mqttVersion = 'auto', stream = 'serpy', password, passwordFile } = options;
  if (!['5', '3.1.1', 'auto'].includes(mqttVersion))
    throw new OptionError(`mqttVersion is '5', '3.1.1' or 'auto', not ${JSON.stringify(mqttVersion)}`);
  if (typeof stream !== 'string' || !/^[\w-]{1,60}$/.test(stream))
    throw new OptionError('stream is a name of letters, digits, - and _, at most 60');
  if (password !== undefined && passwordFile !== undefined)
    throw new OptionError('password and passwordFile exclude each other: omit one');
  const files = { ca: options.caFile, cert: options.certFile, key: options.keyFile };
  const isTlsGiven = Object.values(files).some((each) => each !== undefined);
  if (isTlsGiven && !encrypted)
    throw new OptionError(
      `a certificate is given, and ${url} is not encrypted: write ${url.replace('://', kind === 'mqtt' ? 's://' : '+tls://')}`,
    );
  if ((files.cert === undefined) !== (files.key === undefined))
    throw new OptionError('certFile and keyFile belong together: give the other one, too');
  return {
    kind,
    encrypted,
    url,
    host,
    port,
    user: options.user ?? userOfUrl,
    password: passwordFile === undefined ? password : passwordIn(passwordFile),
    ca: pem(files.ca, 'caFile', 'CERTIFICATE'),
    cert: pem(files.cert, 'certFile', 'CERTIFICATE'),
    key: pem(files.key, 'keyFile', 'PRIVATE KEY'),
    mqttVersion,
    stream,
  };
}

function parse(text: unknown) {
  if (typeof text !== 'string') throw new OptionError(`the URL of the broker is a text: ${urlForms}`);
  // An unreadable URL is not repeated: a part of it can be a password.
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const scheme = schemes[url?.protocol ?? ''];
  if (url === undefined || scheme === undefined || url.hostname === '')
    throw new OptionError(`the broker is a URL: ${urlForms}`);
  if (url.password !== '')
    throw new OptionError(
      'the URL of the broker contains a password, which other users of this computer see: remove it, and use passwordFile or password (command: --broker-password-file, or the variable BROKER_PASSWORD)',
    );
  if (!['', '/'].includes(url.pathname) || url.search !== '' || url.hash !== '')
    throw new OptionError('the URL of the broker ends after the port: topics and options are options of their own');
  const port = url.port === '' ? scheme.usualPort : Number(url.port);
  return {
    ...scheme,
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port,
    url: `${url.protocol}//${url.hostname}:${port}`,
    user: url.username === '' ? undefined : decodeURIComponent(url.username),
  };
}

function passwordIn(path: string): string {
  const [first = ''] = (read(path, 'passwordFile') as Buffer).toString('utf8').split(/\r?\n/);
  if (first === '') throw new OptionError(`the file ${path} has an empty first line: write the password there`);
  return first;
}

/** A file in PEM. Otherwise each attempt to connect would fail, with a sentence about something else. */
function pem(path: string | undefined, option: string, what: 'CERTIFICATE' | 'PRIVATE KEY'): Buffer | undefined {
  const bytes = read(path, option);
  if (bytes !== undefined && !new RegExp(`-----BEGIN [A-Z ]*${what}-----`).test(bytes.toString('latin1')))
    throw new OptionError(
      `${option}: the file ${path} has no "-----BEGIN ${what}-----": give the file in PEM (openssl x509 or openssl pkey converts it)`,
    );
  return bytes;
}

function read(path: string | undefined, option: string): Buffer | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = { ENOENT: 'it does not exist', EACCES: 'this user may not', EISDIR: 'it is a folder' }[code ?? ''];
    throw new OptionError(
      `${option}: cannot read the file ${path || "''"}: ${why ?? message}. Check its path, and who may read it`,
      { cause },
    );
  }
}
