/** Options from environment variables: `SERPY_PORT`, `SERPY_KEY_FILE` and the like. */
import { checkNames, OptionError, type OptionSpec } from 'serpy-core';
import { emptyOptions, setOption } from './option-path.js';
import { connectSpecs, listenSpecs, markAsSharedConfig } from './options.js';
import { withoutServices } from './service-variables.js';
import { parseUrl } from './url.js';

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
  return markAsSharedConfig(options);
}

/** The options of both ends under every protocol. */
export const allSpecs: Readonly<Record<string, OptionSpec<unknown>>> = {
  ...connectSpecs('auto'),
  ...listenSpecs('auto'),
};

/** Paths such as `sendQueue.maxMessages` under the variables that override them. */
const variableNames: ReadonlyMap<string, string> = new Map(
  [...Object.entries(allSpecs), ['key', { fields: { file: '' } }] as const]
    .flatMap(([name, { fields }]) => (fields ? Object.keys(fields).map((each) => `${name}.${each}`) : [name]))
    .map((path) => [`SERPY_${path.replace(/[A-Z]/g, '_$&').replace('.', '_').toUpperCase()}`, path]),
);
