/** The option `about` over protocols that carry no metadata, so that a program that states them works with every peer. */
import type { Protocol, ProtocolTypes } from 'serpy-core';

/** Adds the option to a protocol. Core checks it, and the message is sent without it. */
export function acceptingAbout<P extends Pick<Protocol<ProtocolTypes>, 'sendOptionNames'>>(protocol: P): P {
  return { ...protocol, sendOptionNames: [...protocol.sendOptionNames, 'about'] };
}
