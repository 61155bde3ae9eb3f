/** v2 as core sees it. */
import type { Protocol, ProtocolTypes, Role, SessionHost } from 'serpy-core';
import type { Handshake } from './handshake/handshake.js';
import { SessionRegistry } from './session/session-registry.js';
import { type Frame, type SessionOptions, type V2SendOptions, V2Session } from './v2-session.js';
import { type Data, type DecodedMessage, kindOf, type Message, readable, type Value } from './values/values.js';

/** The types of v2. */
export interface V2 extends ProtocolTypes {
  value: Value;
  sendOptions: V2SendOptions;
  received: DecodedMessage;
  outgoing: Frame;
  data: Data;
  message: Message;
}

/** The protocol v2 with the given options. */
export function v2Protocol(options: SessionOptions) {
  const sessions = new SessionRegistry<Handshake<Frame>>();
  return {
    name: 'v2',
    sendOptionNames: ['acknowledge', 'about'],
    createSession: (role: Role, output: SessionHost<Frame>) => new V2Session(options, output, role, sessions),
    data: (received: DecodedMessage) => received.value,
    message: readable,
    kind: kindOf,
  } satisfies Protocol<V2>;
}
