/** The other end of a measurement: sends back what it gets, and counts it instead while it is asked to. */
import type { PortableConnection, PortableValue } from 'serpy';
import { countAnswer, helloAnswer, questionOf } from './bench-protocol.js';

/** What one peer has sent, questions apart. */
export interface Served {
  messages: number;
  bytes: number;
}

/** Serves one connection until it is closed. Never rejects: a peer that goes is no error. */
export async function respond(connection: PortableConnection): Promise<Served> {
  const served: Served = { messages: 0, bytes: 0 };
  let sunk: Served | undefined;
  try {
    for await (const message of connection.messages()) {
      const question = questionOf(message);
      if (question === 'hello') {
        await connection.sendData(helloAnswer);
      } else if (question === 'sink') {
        sunk = { messages: 0, bytes: 0 };
      } else if (question === 'count') {
        await connection.sendData(countAnswer(sunk ?? { messages: 0, bytes: 0 }));
        sunk = undefined;
      } else {
        const bytes = sizeOf(message.value);
        for (const count of [served, sunk]) {
          if (!count) continue;
          count.messages++;
          count.bytes += bytes;
        }
        if (!sunk) await sendBack(connection, message.value);
        if (Buffer.isBuffer(message.value)) connection.release(message.value); // once more for the next, unless it was sent back
      }
    }
  } catch {
    // The peer is gone in the middle of an answer.
  }
  return served;
}

async function sendBack(connection: PortableConnection, value: unknown): Promise<void> {
  if (typeof value === 'object' && !Buffer.isBuffer(value)) return; // an object of v1: nothing that a measuring end sends
  await connection.sendData(value as PortableValue);
}

function sizeOf(value: unknown): number {
  if (Buffer.isBuffer(value)) return value.length;
  return typeof value === 'string' ? Buffer.byteLength(value) : 8;
}
