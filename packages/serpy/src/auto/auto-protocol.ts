/** The protocol `auto`: v1's and v2's as one. */

/** Both protocols as one, as core sees it. */
import type { Role, SessionHost } from 'serpy-core';
import type { PortableMessage } from '../portable/portable-message.js';
import type { v1, v2 } from '../protocols.js';
import type { AutoOutgoing } from './auto-outgoing.js';
import { AutoSession } from './auto-session.js';
import type { AutoReceived, AutoSettings } from './auto-types.js';

type V1 = v1.V1;
type V2 = v2.V2;

/** Both protocols, as one. */
export function autoProtocol(
  first: ReturnType<typeof v1.v1Protocol>,
  second: ReturnType<typeof v2.v2Protocol>,
  settings: AutoSettings,
  message: { v1(received: V1['received']): PortableMessage; v2(received: V2['received']): PortableMessage },
) {
  return {
    name: 'auto',
    sendOptionNames: [],
    createSession: (role: Role, output: SessionHost<AutoOutgoing>) =>
      new AutoSession(role, output, first, second, settings),
    data: (each: AutoReceived) => (each.protocol === 'v1' ? first.data(each.received) : second.data(each.received)),
    message: (each: AutoReceived) => (each.protocol === 'v1' ? message.v1(each.received) : message.v2(each.received)),
  };
}
