/** The options of lines: core's, how a line ends, and how text becomes bytes. */
import { constants } from 'node:buffer';
import { inspect } from 'node:util';
import {
  acceptedOptions,
  connectionOptions,
  OptionError,
  type OptionSpec,
  option,
  type PartialOptions,
} from 'serpy-core';
import { type Encoding, encodeText, encodings } from './values/text.js';

/** What lines add to the options of a connection. */
export interface LinesSetting {
  /** Ends each line: 1 to 8 bytes. Default `'\n'`. With `'\n'` and `'\r\n'`, received lines may end with either. */
  readonly terminator: string;
  /** How text becomes bytes. Default `'utf-8'`. */
  readonly encoding: Encoding;
  /** Lines have no sessions: `'off'` only. */
  readonly session: 'off';
}

const maxTerminatorBytes = 8;
const takes = `a string of 1 to ${maxTerminatorBytes} bytes such as '\\r\\n'`;

const terminatorOption: OptionSpec<string> = {
  takes,
  default: '\n',
  parse(value, path) {
    const bytes = typeof value === 'string' ? Buffer.byteLength(value) : 0;
    if (bytes > 0 && bytes <= maxTerminatorBytes) return value as string;
    throw new OptionError(`the option ${path} takes ${takes}, not ${inspect(value)}`);
  },
  validateWith(value, { encoding = 'utf-8' }) {
    try {
      encodeText(value, encoding as Encoding);
    } catch (error) {
      throw new OptionError(`the option terminator: ${(error as Error).message}`, { cause: error });
    }
  },
};

const sessionOption: OptionSpec<'off'> = {
  takes: "'off'",
  default: 'off',
  parse(value, path) {
    if (value === 'off') return value;
    const remedy = 'leave it out, or use serpy-v2 at both ends';
    throw new OptionError(`the option ${path} takes 'off', not ${inspect(value)}: lines have no sessions; ${remedy}`);
  },
};

const ofBothEnds = {
  session: sessionOption,
  terminator: terminatorOption,
  encoding: option.choice(encodings, 'utf-8'),
  maxMessageBytes: option.count(1, constants.MAX_STRING_LENGTH, connectionOptions.maxMessageBytes.default),
};

export const linesConnectionOptions = { ...connectionOptions, ...ofBothEnds };
export const linesAcceptedOptions = { ...acceptedOptions, ...ofBothEnds };

export type LinesOptions = PartialOptions<LinesSetting>;
