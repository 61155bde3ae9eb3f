/** Sends a message again as it came: an int as an int, and over v1 in its mode. */
import { type Connection, float, int, isSerpyError, type PortableConnection } from 'serpy';
import type { RecordedMessage } from './recording/format.js';

/** The modes of v1 in pairs: without an acknowledgement, with one. Nobody here waits for one. */
const unacknowledged = [0, 0, 2, 2, 4, 4] as const;

/**
 * Resolves when the message is queued.
 * @returns whether the peer's protocol can carry it: objects of Python go over v1 alone, and only if they are plain data
 * @throws as `sendData`, for other reasons
 */
export async function resend(
  connection: PortableConnection,
  { type, value, mode }: RecordedMessage,
  wait: { readonly signal?: AbortSignal } = {},
): Promise<boolean> {
  try {
    if (connection.protocol === 'v1' && mode !== undefined && !(mode >= 4 && value instanceof Uint8Array)) {
      const v1 = connection as Connection<'v1'>;
      await v1.sendData(value as string, { ...wait, mode: unacknowledged[mode] ?? 0 });
    } else if (type === 'int') await connection.sendData(int(value as number | bigint), wait);
    else if (type === 'float') await connection.sendData(float(value as number), wait);
    else if (typeof value === 'object' && !(value instanceof Uint8Array)) return false;
    else await connection.sendData(value as string | Buffer, wait);
    return true;
  } catch (error) {
    if (isSerpyError(error) && error.code === 'ERR_SERPY_VALUE') return false;
    throw error;
  }
}
