/** The protocol `auto`: v1 and v2 as one protocol of core. */
import type { Role, SessionHost } from 'serpy-core';
import type { PortableV1Message, PortableV2Message } from '../portable/portable-message.js';
import type { v1, v2 } from '../protocols.js';
import type { AutoOutgoing } from './auto-outgoing.js';
import { AutoSession } from './auto-session.js';
import type { AutoReceived, AutoSettings } from './auto-types.js';

/** v1 with messages that a program reads in the same way as those of v2. */
type PortableV1Protocol = Omit<ReturnType<typeof v1.v1Protocol>, 'message'> & {
  message(received: v1.V1['received']): PortableV1Message;
};

/** v2 with messages that a program reads in the same way as those of v1. */
type PortableV2Protocol = Omit<ReturnType<typeof v2.v2Protocol>, 'message'> & {
  message(received: v2.V2['received']): PortableV2Message;
};

/** Joins both protocols. Each connection uses the one that its peer speaks. */
export function autoProtocol(first: PortableV1Protocol, second: PortableV2Protocol, settings: AutoSettings) {
  return {
    name: 'auto',
    sendOptionNames: ['acknowledge', 'about'],
    createSession: (role: Role, output: SessionHost<AutoOutgoing>) =>
      new AutoSession(role, output, first, second, settings),
    data: (each: AutoReceived) => (each.protocol === 'v1' ? first.data(each.received) : second.data(each.received)),
    message: (each: AutoReceived) =>
      each.protocol === 'v1' ? first.message(each.received) : second.message(each.received),
    kind: (each: AutoReceived) => (each.protocol === 'v1' ? first.kind(each.received) : second.kind(each.received)),
  };
}
