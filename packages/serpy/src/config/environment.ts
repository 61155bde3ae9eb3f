/** Reads options from environment variables such as `SERPY_PORT` and `SERPY_KEY_FILE`. */
import { checkNames, messageKinds, OptionError, type OptionSpec } from 'serpy-core';
import { emptyOptions, setOption } from './option-path.js';
import { connectSpecs, linesOnlyOptions, listenSpecs, markAsSharedConfig } from './options.js';
import { withoutServices } from './service-variables.js';
import { parseUrl } from './url.js';

/**
 * The options in environment variables, for both ends: each end ignores the options of the other.
 * @throws `ERR_SERPY_OPTION` for a `SERPY_` variable that does not name an option
 */
export function environmentOptions(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, unknown> {
  const options = emptyOptions();
  if (env.SERPY_KEY && env.SERPY_KEY_FILE) {
    throw new OptionError('SERPY_KEY and SERPY_KEY_FILE are both set, and only one can be the key. Unset one');
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

/** The options of both ends and all protocols. */
export const allSpecs: Readonly<Record<string, OptionSpec<unknown>>> = {
  ...connectSpecs('auto'),
  ...listenSpecs('auto'),
  ...linesOnlyOptions,
};

/** `keep` is one value, or has one for each kind of message. */
const kinds = Object.fromEntries(messageKinds.map((kind) => [kind, '']));

/** Variables, with the path of the option that each overrides: `sendQueue.maxMessages`. */
const variableNames: ReadonlyMap<string, string> = new Map(
  [...Object.entries(allSpecs), ['key', { fields: { file: '' } }] as const, ['keep', { fields: kinds }] as const]
    .flatMap(([name, { fields }]) => (fields ? Object.keys(fields).map((each) => `${name}.${each}`) : [name]))
    .map((path) => [`SERPY_${path.replace(/[A-Z]/g, '_$&').replace('.', '_').toUpperCase()}`, path]),
);
