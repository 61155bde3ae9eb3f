/** Sends a received message unchanged: an int as an int, and over v1 in its mode. */
import { type Connection, float, int, isSerpyError, type PortableConnection } from 'serpy';
import { OmittedValue, type RecordedMessage } from 'serpy-recording';

/** The mode without an acknowledgement for each mode of v1. Modes are pairs: without one, with one. */
const unacknowledged = [0, 0, 2, 2, 4, 4] as const;

/**
 * Resolves when the message is queued.
 * @returns what the peer's protocol cannot carry, as words; undefined if the message was sent
 * @throws the other errors of `sendData`
 */
export async function resend(
  connection: PortableConnection,
  { type, value, mode, about }: RecordedMessage,
  options: { readonly signal?: AbortSignal } = {},
): Promise<string | undefined> {
  const wait = about === undefined ? options : { ...options, about };
  if (type === 'longint') return 'an integer of more than 1024 bytes';
  if (value instanceof OmittedValue) return value.reason;
  try {
    if (connection.protocol === 'v1' && mode !== undefined && !(mode >= 4 && value instanceof Uint8Array)) {
      const v1 = connection as Connection<'v1'>;
      await v1.sendData(value as string, { ...wait, mode: unacknowledged[mode] ?? 0 });
    } else if (isLongInteger(value)) {
      // A Python peer can send integers of any length. v1 carries their digits.
      if ((connection.peerProtocol ?? connection.protocol) !== 'v1') return 'an integer beyond 64 bits';
      await connection.sendData(String(value), wait);
    } else if (type === 'int') await connection.sendData(int(value as number | bigint), wait);
    else if (type === 'float') await connection.sendData(float(value as number), wait);
    else if (typeof value === 'object' && !(value instanceof Uint8Array))
      return 'a Python object, which only v1 carries';
    else await connection.sendData(value as string | Buffer, wait);
    return undefined;
  } catch (error) {
    if (isSerpyError(error) && error.code === 'ERR_SERPY_VALUE') return `a message with the error "${error.message}"`;
    throw error;
  }
}

function isLongInteger(value: unknown): boolean {
  return typeof value === 'bigint' && BigInt.asIntN(64, value) !== value;
}
