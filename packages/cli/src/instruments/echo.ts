/** A simulated instrument that returns every message. */
import type { PortableConnection } from 'serpy';
import { toSentence } from '../failure.js';
import { resend } from '../messages/resend.js';

/**
 * Serves a client until it disconnects. Resolves with the number of messages that it could not return.
 * @param onUnsupported called with words for the first of these
 */
export async function echo(connection: PortableConnection, onUnsupported: (what: string) => void): Promise<number> {
  let refused = 0;
  for await (const message of connection.messages()) {
    const what = await resend(connection, message).catch((error: unknown) =>
      connection.isConnected() ? `a message with the error "${toSentence(error)}"` : undefined,
    ); // otherwise the client disconnected before the reply
    if (what === undefined) continue;
    if (refused === 0) onUnsupported(what);
    refused++;
  }
  return refused;
}
