/** Sends a message of a source to a client, as its protocol can carry it. */
import { type Connection, float, int, isSerpyError, type PortableConnection } from 'serpy';
import type { HubMessage } from './message.js';

/** The mode without an acknowledgement for each mode of v1. Modes are pairs: without one, with one. */
const unacknowledged = [0, 0, 2, 2, 4, 4] as const;

/**
 * Resolves with true when the message is queued, and with false if the client's protocol cannot carry it.
 * @throws the other errors of `sendData`
 */
export async function forward(client: PortableConnection, message: HubMessage): Promise<boolean> {
  const { value, type, mode, about } = message;
  const options = about === undefined ? {} : { about };
  try {
    if (type === 'longint') return false;
    if (client.protocol === 'v1' && mode !== undefined && !(mode >= 4 && value instanceof Uint8Array)) {
      return await (client as Connection<'v1'>).sendData(value as string, {
        ...options,
        mode: unacknowledged[mode] ?? 0,
      });
    }
    if (message.kind.startsWith('array') && !(value instanceof Uint8Array))
      return await client.sendData(message.array(), options);
    if (type === 'int') return await client.sendData(int(value as number | bigint), options);
    if (type === 'float') return await client.sendData(float(value as number), options);
    if (typeof value === 'object' && !(value instanceof Uint8Array)) return false;
    return await client.sendData(value as string | Buffer, options);
  } catch (error) {
    if (
      isSerpyError(error) &&
      ['ERR_SERPY_VALUE', 'ERR_SERPY_INTEGER_RANGE', 'ERR_SERPY_TOO_LARGE'].includes(error.code)
    )
      return false;
    throw error;
  }
}
