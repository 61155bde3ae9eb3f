/** A connection that carries lines of text. */
import {
  type ConnectionSettings,
  Connection as CoreConnection,
  type ConnectionOptions as CoreOptions,
  type Environment,
  parseOptions,
} from 'serpy-core';
import { type LinesOptions, type LinesSetting, linesConnectionOptions } from './options.js';
import { type Lines, linesProtocol } from './protocol.js';

export type ConnectionOptions = CoreOptions & LinesOptions;

/** Checked options, and the protocol with them. A server makes one for all its connections. */
export class ConnectionSetup {
  readonly settings: ConnectionSettings;
  readonly protocol: ReturnType<typeof linesProtocol>;

  constructor(settings: ConnectionSettings & LinesSetting) {
    this.settings = settings;
    this.protocol = linesProtocol(settings);
  }
}

/**
 * One connection to one peer that sends and receives lines, such as an instrument with SCPI commands.
 *
 * ```ts
 * const instrument = await new Connection().connect('192.168.1.30', 5025);
 * await instrument.sendData('*IDN?');
 * const identity = await instrument.getData({ timeoutMs: 2000 });
 * ```
 */
export class Connection extends CoreConnection<Lines> {
  /** @throws `ERR_SERPY_OPTION` for an unknown option or a wrong value */
  constructor(options?: ConnectionOptions, environment?: Environment);
  constructor(options: ConnectionOptions | ConnectionSetup = {}, environment?: Environment) {
    const { settings, protocol } =
      options instanceof ConnectionSetup ? options : new ConnectionSetup(parseOptions(linesConnectionOptions, options));
    super(protocol, settings, environment);
  }
}
