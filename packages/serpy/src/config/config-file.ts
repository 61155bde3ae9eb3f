/** Options from elsewhere than code: URLs, JSON files and the environment. */
import { readFileSync } from 'node:fs';
import { checkNames, OptionError, validateAll } from 'serpy-core';
import { allSpecs, environmentOptions } from './environment.js';
import { isObject } from './option-path.js';
import { type ConnectOptions, type ListenOptions, markAsSharedConfig } from './options.js';

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
  return markAsSharedConfig(settings) as unknown as ConnectOptions & ListenOptions; // checked just now, but for what is missing
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
  validateAll(allSpecs, settings);
}
