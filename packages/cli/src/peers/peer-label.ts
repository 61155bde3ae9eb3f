/** A peer in the output of commands. */
import type { PortableConnection } from 'serpy';
import { printable } from '../environment/terminal.js';
import { addressOf } from '../format.js';

/** The address, after the name if the peer has told one: `camera (127.0.0.1:50123)`. */
export function peerLabel({ peer: { name, address } }: Pick<PortableConnection, 'peer'>): string {
  return name === undefined ? addressOf(address) : `${printable(name)} (${addressOf(address)})`;
}
