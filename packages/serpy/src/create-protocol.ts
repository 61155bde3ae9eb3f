/** Makes the protocol that the option `protocol` names, with messages that have the same methods, and the types of each. */
import type { ArrayValue } from 'serpy-arrays';
import type { AboutOption, ConnectionSettings, Protocol, ProtocolTypes } from 'serpy-core';
import type { AutoOutgoing, AutoSendOptions } from './auto/auto-outgoing.js';
import { autoProtocol } from './auto/auto-protocol.js';
import type { AutoReceived, ProbeSetting } from './auto/auto-types.js';
import type { ServerRecord } from './auto/server-memory.js';
import { acceptingAbout } from './portable/about.js';
import { type LineValue, portableLines } from './portable/portable-lines.js';
import {
  fromV1,
  fromV2,
  type PortableLinesMessage,
  type PortableMessage,
  type PortableV1Message,
  type PortableV2Message,
} from './portable/portable-message.js';
import type { PortableValue } from './portable/portable-value.js';
import { type lines, type ProtocolName, v1, v2 } from './protocols.js';

/** v1 with portable messages. */
export interface PortableV1 extends Omit<v1.V1, 'value' | 'sendOptions'> {
  value: v1.Value | ArrayValue;
  sendOptions: v1.V1['sendOptions'] & AboutOption;
  message: PortableV1Message;
}

/** v2 with portable messages. */
export interface PortableV2 extends v2.V2 {
  message: PortableV2Message;
}

/** Lines with portable messages. An acknowledgement is refused when a line is sent: a portable function may ask for one. */
export interface PortableLines extends Omit<lines.Lines, 'value' | 'sendOptions' | 'message'> {
  value: LineValue;
  sendOptions: AutoSendOptions;
  message: PortableLinesMessage;
}

/** Any protocol. */
export interface Portable extends ProtocolTypes {
  value: PortableValue;
  sendOptions: AutoSendOptions;
  received: AutoReceived;
  outgoing: AutoOutgoing;
  data: v1.V1['data'] | v2.V2['data'];
  message: PortableMessage;
}

/** The types of each protocol name. */
export interface TypesOf {
  v1: PortableV1;
  v2: PortableV2;
  auto: Portable;
  lines: PortableLines;
}

/** The settings that any of the protocols may need. */
export type ProtocolSettings = Pick<
  ConnectionSettings,
  'maxMessageBytes' | 'autoRestart' | 'receiveQueue' | 'keep' | 'name'
> &
  v1.V1Setting &
  Pick<lines.LinesSetting, 'terminator'> &
  ProbeSetting &
  v2.HandshakeOptions & { readonly record?: ServerRecord | undefined };

/** Makes the protocol of a name, for one connection or for all connections that a server accepts. */
export function createProtocol<P extends ProtocolName>(name: P, settings: ProtocolSettings): Protocol<TypesOf[P]>;
export function createProtocol(name: ProtocolName, settings: ProtocolSettings) {
  switch (name) {
    case 'v1':
      return portableV1(settings);
    case 'v2':
      return portableV2(settings);
    case 'auto':
      return autoProtocol(portableV1(settings), portableV2(settings), settings);
    case 'lines':
      return portableLines(settings);
  }
}

function portableV1(settings: ProtocolSettings) {
  const protocol = v1.v1Protocol(settings);
  return {
    ...acceptingAbout(protocol),
    message: (received: v1.V1['received']) => fromV1(protocol.message(received), settings.encoding),
  };
}

function portableV2(settings: ProtocolSettings) {
  const protocol = v2.v2Protocol(settings);
  return { ...protocol, message: (received: v2.V2['received']) => fromV2(protocol.message(received)) };
}
