/** The other end of a measurement: returns messages, or counts them on request. */
import type { PortableConnection, PortableValue } from 'serpy';
import { countAnswer, helloAnswer, questionOf } from './bench-protocol.js';

/** What one client has sent, without questions. */
export interface Served {
  messages: number;
  bytes: number;
}

/** Serves one connection until it is closed. Never rejects: a client that disconnects is not an error. */
export async function respond(connection: PortableConnection): Promise<Served> {
  const served: Served = { messages: 0, bytes: 0 };
  let counted: Served | undefined;
  try {
    for await (const message of connection.messages()) {
      const question = questionOf(message);
      if (question === 'hello') {
        await connection.sendData(helloAnswer);
      } else if (question === 'sink') {
        counted = { messages: 0, bytes: 0 };
      } else if (question === 'count') {
        await connection.sendData(countAnswer(counted ?? { messages: 0, bytes: 0 }));
        counted = undefined;
      } else {
        const bytes = sizeOf(message.value);
        for (const count of [served, counted]) {
          if (!count) continue;
          count.messages++;
          count.bytes += bytes;
        }
        if (!counted) await sendBack(connection, message.value);
        if (Buffer.isBuffer(message.value)) connection.release(message.value); // for the next message, unless it was sent back
      }
    }
  } catch {
    // The client disconnected in the middle of an answer.
  }
  return served;
}

async function sendBack(connection: PortableConnection, value: unknown): Promise<void> {
  if (typeof value === 'object' && !Buffer.isBuffer(value)) return; // an object of v1, which a measuring client does not send
  await connection.sendData(value as PortableValue);
}

function sizeOf(value: unknown): number {
  if (Buffer.isBuffer(value)) return value.length;
  return typeof value === 'string' ? Buffer.byteLength(value) : 8;
}
