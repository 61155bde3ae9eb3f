/** Options from elsewhere than code: URLs, JSON files and the environment. */
import { readFileSync } from 'node:fs';
import { checkNames, checkTogether, OptionError, type OptionSpec } from 'serpy-core';
import { type ConnectOptions, connectSpecs, type ListenOptions, listenSpecs, markAsConfig } from './options.js';
import { withoutServices } from './service-variables.js';
import { urlParts } from './url.js';

/** Options that are texts, even such as look like a number. */
const textOptions: readonly string[] = ['key', 'key.file'];

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

/** Where `loadConfig` finds overrides. */
export interface LoadConfigOptions {
  /** Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/**
 * Options for `connect` or `listen` from a JSON file: an object with the names of the options. One file serves both ends:
 * each takes the options that are its own.
 * Variables of the environment go before the file: `SERPY_PORT=5001` overrides `port`, `SERPY_AUTO_RESTART=true`
 * `autoRestart`, `SERPY_SEND_QUEUE_MAX_MESSAGES=10` `sendQueue.maxMessages`; `SERPY_URL` overrides protocol, host and port.
 * @throws `ERR_SERPY_OPTION` naming the file and what is wrong: not there, not JSON, an unknown option, a wrong value
 */
export function loadConfig(
  path: string,
  { env = process.env }: LoadConfigOptions = {},
): ConnectOptions & ListenOptions {
  const config = readConfig(path);
  const settings = { ...config, ...environmentOptions(env) };
  for (const name of ['sendQueue', 'receiveQueue', 'replayQueue', 'reconnect', 'tls']) {
    const [file, variables] = [config[name], settings[name]];
    if (isObject(file) && isObject(variables)) settings[name] = { ...file, ...variables };
  }
  try {
    checkValues(settings);
  } catch (cause) {
    throw new OptionError(`${path}: ${(cause as Error).message}`, { cause });
  }
  return markAsConfig(settings) as unknown as ConnectOptions & ListenOptions; // checked just now, but for what is missing
}

/** The options that variables of the environment state, of either end: each takes those that are its own. @throws `ERR_SERPY_OPTION` for a `SERPY_` variable that names no option */
export function environmentOptions(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, unknown> {
  const options = emptyOptions();
  if (env.SERPY_KEY && env.SERPY_KEY_FILE) {
    throw new OptionError('SERPY_KEY and SERPY_KEY_FILE are both set: only one of them can be the key');
  }
  if (env.SERPY_URL) Object.assign(options, parseUrl(env.SERPY_URL));
  for (const [variable, value] of Object.entries(withoutServices(env))) {
    if (!variable.startsWith('SERPY_') || variable === 'SERPY_URL' || value === undefined || value === '') continue;
    const name = variableNames.get(variable);
    if (name === undefined) checkNames({ [variable]: value }, [...variableNames.keys(), 'SERPY_URL']);
    else setOption(options, name, value);
  }
  return markAsConfig(options);
}

/** The options of both ends under every protocol. */
const allSpecs: Readonly<Record<string, OptionSpec<unknown>>> = { ...connectSpecs('auto'), ...listenSpecs('auto') };

/** Paths such as `sendQueue.maxMessages` under the variables that override them. */
const variableNames: ReadonlyMap<string, string> = new Map(
  [...Object.entries(allSpecs), ['key', { below: { file: '' } }] as const]
    .flatMap(([name, { below }]) => (below ? Object.keys(below).map((each) => `${name}.${each}`) : [name]))
    .map((path) => [`SERPY_${path.replace(/[A-Z]/g, '_$&').replace('.', '_').toUpperCase()}`, path]),
);

function readConfig(path: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new OptionError(`the configuration file ${path || "''"} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
  let config: unknown;
  try {
    config = JSON.parse(text.replace(/^\uFEFF/, '')); // as Windows editors like to start a file
  } catch (cause) {
    throw new OptionError(`the configuration file ${path} is not JSON: ${(cause as Error).message}`, { cause });
  }
  if (!isObject(config))
    throw new OptionError(
      `the configuration file ${path} must hold an object such as { "protocol": "v2", "port": 5001 }`,
    );
  return config;
}

/** Checks each value and what contradicts another, of options of either end: which end it is shows when the configuration is used. */
function checkValues(settings: Record<string, unknown>): void {
  checkNames(settings, Object.keys(allSpecs));
  for (const [name, value] of Object.entries(settings)) allSpecs[name]?.parse(value, name);
  checkTogether(allSpecs, settings);
}

/** Without a prototype, so that a name such as `__proto__` is an unknown option like any other. */
function emptyOptions(): Record<string, unknown> {
  return Object.create(null);
}

/** Sets an option, below another one for a name such as `sendQueue.maxMessages`. */
function setOption(options: Record<string, unknown>, path: string, text: string): void {
  const value = textOptions.includes(path) ? text : fromText(text);
  const [name, below] = path.split('.', 2) as [string, string?];
  if (below === undefined) {
    options[name] = value;
    return;
  }
  const group = Object.hasOwn(options, name) && isObject(options[name]) ? options[name] : {};
  options[name] = { ...group, [below]: value };
}

function fromText(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  return text.trim() !== '' && !Number.isNaN(Number(text)) ? Number(text) : text;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
