/** The options in the sources, with a row for each, like in the documentation. */
import { acceptedOptions, connectionOptions, type OptionSpec, serverOptions } from 'serpy-core';
import { v1ConnectionOptions } from 'serpy-v1';
import { v2ConnectionOptions } from 'serpy-v2';
import { connectSpecs, linesOnlyOptions, listenSpecs } from '../../packages/serpy/src/config/options.js';

export interface OptionRow {
  /** The name, such as `sendQueue.maxMessages`. */
  readonly option: string;
  readonly takes: string;
  readonly default: string;
  /** The end that accepts it. */
  readonly ends: 'both' | 'connect' | 'listen';
  readonly packages: 'all' | 'serpy-v1, serpy' | 'serpy-v2, serpy' | 'serpy-lines, serpy' | 'serpy';
}

type Specs = Readonly<Record<string, OptionSpec<unknown>>>;

/** Every option of the package serpy, which are all options, including those in groups. */
export function optionRows(): OptionRow[] {
  const connecting: Specs = { ...connectSpecs('auto'), ...linesOnlyOptions };
  const listening: Specs = { ...listenSpecs('auto'), ...linesOnlyOptions };
  const names = Object.keys({ ...connecting, ...listening });
  return names.flatMap((option) => {
    const [connects, listens] = [connecting[option], listening[option]];
    const spec = connects ?? listens;
    if (!spec) return [];
    const ends = connects && listens ? 'both' : connects ? 'connect' : 'listen';
    const row = {
      option,
      takes: spec.takes,
      default: shown(spec.default ?? spec.typicalDefault),
      ends,
      packages: packagesOf(option),
    } as const;
    const below = Object.entries(spec.fields ?? {}).map(([name, each]) => ({
      ...row,
      option: `${option}.${name}`,
      takes: takesBelow(spec, option, name),
      default: shown(each.default ?? each.typicalDefault),
    }));
    return [row, ...below];
  });
}

function packagesOf(option: string): OptionRow['packages'] {
  if (option in connectionOptions || option in acceptedOptions || option in serverOptions) return 'all';
  if (option in linesOnlyOptions) return 'serpy-lines, serpy';
  if (option in v2ConnectionOptions) return 'serpy-v2, serpy';
  return option in v1ConnectionOptions ? 'serpy-v1, serpy' : 'serpy';
}

function shown(value: unknown): string {
  if (value === undefined) return 'none';
  if (typeof value === 'object') return 'each its own';
  return typeof value === 'string' ? `'${JSON.stringify(value).slice(1, -1)}'` : String(value);
}

/** The accepted values of an option in a group, from the error for a value that no option accepts. */
function takesBelow(group: OptionSpec<unknown>, option: string, name: string): string {
  try {
    group.parse({ [name]: Symbol('none') }, option);
  } catch (error) {
    const takes = /takes (.*), not a symbol$/.exec((error as Error).message)?.[1];
    if (takes) return takes;
  }
  throw new Error(`the option ${option}.${name} does not say what it takes`);
}
