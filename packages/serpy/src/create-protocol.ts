/** v1, v2 and auto in one shape: messages that answer alike, and the types that belong to each name. */
import type { ArrayValue } from 'serpy-arrays';
import type { ConnectionSettings, Protocol, ProtocolTypes } from 'serpy-core';
import type { AutoOutgoing } from './auto/auto-outgoing.js';
import { autoProtocol } from './auto/auto-protocol.js';
import type { AutoReceived, ProbeSetting } from './auto/auto-types.js';
import {
  fromV1,
  fromV2,
  type PortableMessage,
  type PortableV1Message,
  type PortableV2Message,
} from './portable/portable-message.js';
import type { PortableValue } from './portable/portable-value.js';
import { type ProtocolName, v1, v2 } from './protocols.js';

/** v1 with messages that answer alike. */
export interface PortableV1 extends Omit<v1.V1, 'value'> {
  value: v1.Value | ArrayValue;
  message: PortableV1Message;
}

/** v2 with messages that answer alike. */
export interface PortableV2 extends v2.V2 {
  message: PortableV2Message;
}

/** Either of them. */
export interface Portable extends ProtocolTypes {
  value: PortableValue;
  sendOptions: object;
  received: AutoReceived;
  outgoing: AutoOutgoing;
  data: v1.V1['data'] | v2.V2['data'];
  message: PortableMessage;
}

/** The types that belong to each name. */
export interface TypesOf {
  v1: PortableV1;
  v2: PortableV2;
  auto: Portable;
}

/** All settings that a protocol may need. */
export type ProtocolSettings = Pick<ConnectionSettings, 'maxMessageBytes' | 'autoRestart' | 'receiveQueue' | 'keep'> &
  v1.V1Setting &
  ProbeSetting &
  v2.HandshakeOptions;

/** The protocol of a name: for one connection, or for all that a server accepts. */
export function createProtocol<P extends ProtocolName>(name: P, settings: ProtocolSettings): Protocol<TypesOf[P]>;
export function createProtocol(name: ProtocolName, settings: ProtocolSettings) {
  const first = v1.v1Protocol(settings);
  const second = v2.v2Protocol(settings);
  const firstMessage = (received: v1.V1['received']) => fromV1(first.message(received), settings.encoding);
  const secondMessage = (received: v2.V2['received']) => fromV2(second.message(received));
  switch (name) {
    case 'v1':
      return { ...first, message: firstMessage };
    case 'v2':
      return { ...second, message: secondMessage };
    case 'auto':
      return autoProtocol(first, second, settings, { v1: firstMessage, v2: secondMessage });
  }
}
