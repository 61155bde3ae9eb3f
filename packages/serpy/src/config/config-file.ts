/** Reads options from a JSON file, and overrides them by environment variables. */
import { readFileSync } from 'node:fs';
import { checkNames, OptionError, validateAll } from 'serpy-core';
import { allSpecs, environmentOptions } from './environment.js';
import { isObject } from './option-path.js';
import { type ConnectOptions, type ListenOptions, markAsSharedConfig } from './options.js';

/** The source of overrides for `loadConfig`. */
export interface LoadConfigOptions {
  /** The environment variables. Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/**
 * Reads the options of `connect` or `listen` from a JSON file: an object with the names of the options. Both ends can use one file: each
 * ignores the options of the other.
 * Environment variables override the file: `SERPY_PORT=5001` overrides `port`, `SERPY_AUTO_RESTART=true` `autoRestart`,
 * `SERPY_SEND_QUEUE_MAX_MESSAGES=10` `sendQueue.maxMessages`; `SERPY_URL` overrides protocol, host and port.
 * @throws `ERR_SERPY_OPTION` with the file and the fault: it does not exist, is not JSON, or has an unknown option or an invalid value
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
  return markAsSharedConfig(settings) as unknown as ConnectOptions & ListenOptions; // checked above, except for missing options
}

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
    config = JSON.parse(text.replace(/^\uFEFF/, '')); // a byte order mark, which Windows editors add
  } catch (cause) {
    throw new OptionError(`the configuration file ${path} is not JSON: ${(cause as Error).message}`, { cause });
  }
  if (!isObject(config))
    throw new OptionError(`the configuration file ${path} must hold an object such as { "port": 5001 }`);
  return config;
}

/** Checks each value, and that no values contradict each other, for the options of both ends. The end is known only when the configuration is used. */
function checkValues(settings: Record<string, unknown>): void {
  checkNames(settings, Object.keys(allSpecs));
  for (const [name, value] of Object.entries(settings)) allSpecs[name]?.parse(value, name);
  validateAll(allSpecs, settings);
}
