/** v1 as a protocol of core. */
import type { Protocol, ProtocolTypes, Role, SessionHost } from 'serpy-core';
import { type ModeOptions, type SessionOptions, V1Session } from './v1-session.js';
import { type Data, dataOf, kindOf, type Message, messageOf } from './values/messages.js';
import type { Value } from './values/values.js';
import type { Block, ReceivedBlock } from './wire/block.js';

/** The types of v1. */
export interface V1 extends ProtocolTypes {
  value: Value;
  sendOptions: ModeOptions;
  received: ReceivedBlock;
  outgoing: Block;
  data: Data;
  message: Message;
}

/** Makes v1 with its options. */
export function v1Protocol(options: SessionOptions) {
  return {
    name: 'v1',
    sendOptionNames: ['mode', 'forceMode', 'acknowledge'],
    createSession: (role: Role, output: SessionHost<Block>) => new V1Session(options, output, role),
    data: dataOf,
    message: (received: ReceivedBlock) => messageOf(received, options.encoding),
    kind: (received: ReceivedBlock) => kindOf(messageOf(received, options.encoding).value),
  } satisfies Protocol<V1>;
}
