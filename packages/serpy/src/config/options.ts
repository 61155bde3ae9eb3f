/** The options of `connect` and `listen` for each protocol, and their checks. */
import {
  acceptedOptions,
  addressOptions,
  type ClientOption,
  type ConnectionSettings,
  connectionOptions,
  OptionError,
  type OptionSpecs,
  option,
  type PartialOptions,
  parseOptions,
  type ServerSettings,
  serverOptions,
} from 'serpy-core';
import type { ProbeSetting } from '../auto/auto-types.js';
import { lines, type ProtocolName, protocolNames, v1, v2 } from '../protocols.js';

/** The options of each protocol. */
export interface OptionsOf {
  v1: v1.V1Setting;
  v2: v2.HandshakeOptions;
  auto: v1.V1Setting & ProbeSetting & v2.HandshakeOptions;
  lines: lines.LinesSetting;
}

/** The options of a protocol that only a client has. */
export type ClientOptionOf = 'modeChangeTimeoutMs' | 'maxUnansweredLinks';

/** The option `protocol`, which may be left out for `'auto'`. */
export type ProtocolOption<P extends ProtocolName> = P extends 'auto'
  ? { readonly protocol?: P | undefined }
  : { readonly protocol: P };

/** The options of `connect` for one protocol. */
export type ConnectOptionsOf<P extends ProtocolName> = ProtocolOption<P> & {
  /** The server's host name or IP address. Default 127.0.0.1. */
  readonly host?: string | undefined;
  /** The server's port. */
  readonly port: number;
} & PartialOptions<ConnectionSettings & OptionsOf[P]>;

/** The options of `listen` for one protocol. */
export type ListenOptionsOf<P extends ProtocolName> = ProtocolOption<P> & { readonly port: number } & PartialOptions<
    Omit<ServerSettings, 'port'> & Omit<ConnectionSettings, ClientOption> & Omit<OptionsOf[P], ClientOptionOf>
  >;

/** The options of `connect`. `protocol` selects the type of the connection. */
export type ConnectOptions =
  | ConnectOptionsOf<'v1'>
  | ConnectOptionsOf<'v2'>
  | ConnectOptionsOf<'auto'>
  | ConnectOptionsOf<'lines'>;

/** The options of `listen`. `protocol` selects the type of the connections. */
export type ListenOptions =
  | ListenOptionsOf<'v1'>
  | ListenOptionsOf<'v2'>
  | ListenOptionsOf<'auto'>
  | ListenOptionsOf<'lines'>;

/** Settings for any protocol. The options that a protocol does not have are at their defaults. */
export type CompleteSettings = v1.V1Setting &
  Pick<lines.LinesSetting, 'terminator'> &
  ProbeSetting &
  v2.HandshakeOptions;

const protocolOption = option.choice(protocolNames, 'auto');
const { encoding, heartbeatIntervalMs, modeChangeTimeoutMs, maxUnansweredLinks } = v1.v1ConnectionOptions;
const { terminator, encoding: lineEncoding, session: noSession, maxMessageBytes } = lines.linesConnectionOptions;
/** The options that only lines have. */
export const linesOnlyOptions = { terminator };

/** A command must not reach an instrument long after it was sent, so a client drops it while there is no connection. */
const linesConnectOptions = {
  ...linesOnlyOptions,
  encoding: lineEncoding,
  session: noSession,
  maxMessageBytes,
  whenOffline: { ...connectionOptions.whenOffline, default: 'drop' as const },
};
const linesOptions = { terminator, encoding: lineEncoding, session: noSession, maxMessageBytes };
const v1Options = { encoding, heartbeatIntervalMs };
const v1ConnectOptions = { modeChangeTimeoutMs, maxUnansweredLinks };
const probeOptions = { probeTimeoutMs: option.milliseconds(250, 1) };

/** A client of this package reconnects by default; one of serpy-v1 and serpy-v2 does not, like the Python modules. */
const safeOptions: OptionSpecs<ConnectionSettings> = {
  ...connectionOptions,
  autoRestart: option.flag(true),
  waitForServer: { ...connectionOptions.waitForServer, default: undefined, optional: true, typicalDefault: true },
};

/** The option `session` of a client is `'prefer'` by default; `withSession` replaces it for a client with a key. */
const connectSpecsOf: { readonly [P in ProtocolName]: OptionSpecs<OptionsOf[P]> } = {
  v1: { ...v1Options, ...v1ConnectOptions },
  v2: v2.handshakeOptions('prefer'),
  auto: { ...v1Options, ...v1ConnectOptions, ...probeOptions, ...v2.handshakeOptions('prefer') },
  lines: linesConnectOptions,
};

/** The option `session` of a server is `'prefer'` by default: clients without a session are not affected. */
const listenSpecsOf: { readonly [P in ProtocolName]: OptionSpecs<Omit<OptionsOf[P], ClientOptionOf>> } = {
  v1: v1Options,
  v2: v2.handshakeOptions('prefer'),
  auto: { ...v1Options, ...probeOptions, ...v2.handshakeOptions('prefer') },
  lines: linesOptions,
};

/** The settings that every protocol has. */
type ConnectSettings = {
  readonly protocol: ProtocolName;
  readonly host: string;
  readonly port: number;
} & ConnectionSettings;
type ListenSettings = { readonly protocol: ProtocolName } & ServerSettings & Omit<ConnectionSettings, ClientOption>;

/** All options of `connect` for one protocol. */
export function connectSpecs(protocol: ProtocolName): OptionSpecs<ConnectSettings> {
  return { protocol: protocolOption, ...addressOptions, ...safeOptions, ...connectSpecsOf[protocol] };
}

/** All options of `listen` for one protocol. */
export function listenSpecs(protocol: ProtocolName): OptionSpecs<ListenSettings> {
  return { protocol: protocolOption, ...serverOptions, ...acceptedOptions, ...listenSpecsOf[protocol] };
}

const defaultSettings = parseOptions<CompleteSettings>(
  { ...v1Options, ...v1ConnectOptions, terminator, ...probeOptions, ...v2.handshakeOptions('off') },
  {},
);

/** Marks options from a file or from environment variables. A global symbol: another copy of this package may have read them. */
const configMark = Symbol.for('serpy.config');

/** Marks options as shared by both ends: each end ignores the options of the other. */
export function markAsSharedConfig(options: Record<string, unknown>): Record<string, unknown> {
  return Object.defineProperty(options, configMark, { value: true });
}

/** Checks and completes the options of `connect`. Throws an `OptionError` with the option and the values that it accepts. */
export function parseConnectOptions(input: unknown) {
  const protocol = protocolOf(input);
  const specs = connectSpecs(protocol);
  const clientOptions = dropOtherEndOptions(input, listenSpecs(protocol), specs);
  const hasSessions = protocol === 'v2' || protocol === 'auto';
  const options = hasSessions ? v2.withSession(clientOptions as object) : clientOptions;
  return { ...defaultSettings, ...parseOptions(specs, withWait(options as object)) };
}

/** Checks and completes the options of `listen`. Throws an `OptionError` with the option and the values that it accepts. */
export function parseListenOptions(input: unknown) {
  const protocol = protocolOf(input);
  const specs = listenSpecs(protocol);
  return { ...defaultSettings, ...parseOptions(specs, dropOtherEndOptions(input, connectSpecs(protocol), specs)) };
}

/** Adds the default of `waitForServer`: a client that reconnects also waits for a server that is started later. */
function withWait(options: object): object {
  const { autoRestart, waitForServer } = options as Partial<ConnectionSettings>;
  return { ...options, waitForServer: waitForServer ?? autoRestart ?? true };
}

/** Removes the options that only the other end has from shared options. Does not change other options. */
function dropOtherEndOptions(input: unknown, otherEndSpecs: object, specs: object): unknown {
  if (!(configMark in (input as object))) return input;
  return Object.fromEntries(
    Object.entries(input as object).filter(
      ([name]) => Object.hasOwn(specs, name) || !Object.hasOwn(otherEndSpecs, name),
    ),
  );
}

/** Reads the option `protocol` first: the other options depend on it. */
function protocolOf(input: unknown): ProtocolName {
  if (input === null || typeof input !== 'object' || Array.isArray(input)) {
    throw new OptionError(
      "options are an object such as { host: '127.0.0.1', port: 5001 }, or a URL such as 'serpy://127.0.0.1:5001'",
    );
  }
  const { protocol } = input as { protocol?: unknown };
  return protocol === undefined ? 'auto' : protocolOption.parse(protocol, 'protocol');
}
