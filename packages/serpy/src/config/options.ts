/** The facade's options: an object per protocol and end, told apart by `protocol`. */
import {
  acceptedOptions,
  addressOptions,
  type ConnectionSettings,
  connectionOptions,
  type DiallingOption,
  OptionError,
  type OptionSpecs,
  option,
  type PartialOptions,
  parseOptions,
  type ServerSettings,
  serverOptions,
} from 'serpy-core';
import type { ProbeSetting } from '../auto/auto-types.js';
import { type ProtocolName, protocolNames, v1, v2 } from '../protocols.js';

/** Options that only some protocols have. */
export interface OptionsOf {
  v1: v1.V1Setting;
  v2: v2.HandshakeOptions;
  auto: v1.V1Setting & ProbeSetting & v2.HandshakeOptions;
}

/** Those of them that only the end that dials has. */
export type DiallingOptionOf = 'modeChangeTimeoutMs' | 'maxUnansweredLinks';

/** What `connect` takes for one protocol. */
export type ConnectOptionsOf<P extends ProtocolName> = {
  readonly protocol: P;
  /** The server's host name or IP address. Default 127.0.0.1. */
  readonly host?: string | undefined;
  /** The server's port. */
  readonly port: number;
} & PartialOptions<ConnectionSettings & OptionsOf[P]>;

/** What `listen` takes for one protocol. */
export type ListenOptionsOf<P extends ProtocolName> = { readonly protocol: P; readonly port: number } & PartialOptions<
  Omit<ServerSettings, 'port'> & Omit<ConnectionSettings, DiallingOption> & Omit<OptionsOf[P], DiallingOptionOf>
>;

/** What `connect` takes; what comes back follows `protocol`. */
export type ConnectOptions = ConnectOptionsOf<'v1'> | ConnectOptionsOf<'v2'> | ConnectOptionsOf<'auto'>;

/** What `listen` takes; what comes back follows `protocol`. */
export type ListenOptions = ListenOptionsOf<'v1'> | ListenOptionsOf<'v2'> | ListenOptionsOf<'auto'>;

/** Settings that every protocol can be made from: what one does not have stands at its default. */
export type CompleteSettings = v1.V1Setting & ProbeSetting & v2.HandshakeOptions;

const protocolOption = option.choice(protocolNames, undefined);
const { encoding, heartbeatIntervalMs, modeChangeTimeoutMs, maxUnansweredLinks } = v1.v1ConnectionOptions;
const v1Options = { encoding, heartbeatIntervalMs };
const v1ConnectOptions = { modeChangeTimeoutMs, maxUnansweredLinks };
const probe = { probeTimeoutMs: option.milliseconds(1000, 1) };

/** Who says v2 gets plain v2 unless a handshake is asked for; who leaves the choice gets the best there is. */
const connectSpecsOf: { readonly [P in ProtocolName]: OptionSpecs<OptionsOf[P]> } = {
  v1: { ...v1Options, ...v1ConnectOptions },
  v2: v2.handshakeOptions('off'),
  auto: { ...v1Options, ...v1ConnectOptions, ...probe, ...v2.handshakeOptions('prefer') },
};

/** To be ready for a handshake costs a server nothing. */
const listenSpecsOf: { readonly [P in ProtocolName]: OptionSpecs<Omit<OptionsOf[P], DiallingOptionOf>> } = {
  v1: v1Options,
  v2: v2.handshakeOptions('prefer'),
  auto: { ...v1Options, ...probe, ...v2.handshakeOptions('prefer') },
};

/** What every protocol has; the rest differs, and stands at its default where a protocol does not have it. */
type ConnectSettings = {
  readonly protocol: ProtocolName;
  readonly host: string;
  readonly port: number;
} & ConnectionSettings;
type ListenSettings = { readonly protocol: ProtocolName } & ServerSettings & Omit<ConnectionSettings, DiallingOption>;

/** All options of one end under one protocol. */
export function connectSpecs(protocol: ProtocolName): OptionSpecs<ConnectSettings> {
  return { protocol: protocolOption, ...addressOptions, ...connectionOptions, ...connectSpecsOf[protocol] };
}

export function listenSpecs(protocol: ProtocolName): OptionSpecs<ListenSettings> {
  return { protocol: protocolOption, ...serverOptions, ...acceptedOptions, ...listenSpecsOf[protocol] };
}

const defaultSettings = parseOptions<CompleteSettings>(
  { ...v1Options, ...v1ConnectOptions, ...probe, ...v2.handshakeOptions('off') },
  {},
);

/** On options that came from a file, whichever copy of this package read it. */
const configMark = Symbol.for('serpy.config');

/** Says that options may be those of either end. */
export function markAsSharedConfig(options: Record<string, unknown>): Record<string, unknown> {
  return Object.defineProperty(options, configMark, { value: true });
}

/** Checks and completes the options of `connect`. Throws an `OptionError` that names the option and what it takes. */
export function parseConnectOptions(input: unknown) {
  const protocol = protocolOf(input);
  const own = dropOtherEndOptions(input, listenSpecs(protocol), connectSpecs(protocol));
  const given = protocol === 'v1' ? own : v2.withSession(own as object);
  return { ...defaultSettings, ...parseOptions(connectSpecs(protocol), given) };
}

/** Checks and completes the options of `listen`. Throws an `OptionError` that names the option and what it takes. */
export function parseListenOptions(input: unknown) {
  const protocol = protocolOf(input);
  return {
    ...defaultSettings,
    ...parseOptions(listenSpecs(protocol), dropOtherEndOptions(input, connectSpecs(protocol), listenSpecs(protocol))),
  };
}

/** Options from a file without those that only the other end has; other options as they are. */
function dropOtherEndOptions(input: unknown, other: object, own: object): unknown {
  if (!(configMark in (input as object))) return input;
  return Object.fromEntries(
    Object.entries(input as object).filter(([name]) => Object.hasOwn(own, name) || !Object.hasOwn(other, name)),
  );
}

/** Which options there are depends on the protocol, so it is looked at first. */
function protocolOf(input: unknown): ProtocolName {
  if (input === null || typeof input !== 'object' || Array.isArray(input)) {
    throw new OptionError(
      "options are an object such as { protocol: 'v2', host: '127.0.0.1', port: 5001 }, or a URL such as 'serpy2://127.0.0.1:5001'",
    );
  }
  const { protocol } = input as { protocol?: unknown };
  if (protocol === undefined) throw new OptionError(`the option protocol is missing: it takes ${protocolOption.takes}`);
  return protocolOption.parse(protocol, 'protocol');
}
