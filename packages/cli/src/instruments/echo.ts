/** A simulated instrument that answers everything with the same. */
import type { PortableConnection } from 'serpy';
import { toSentence } from '../failure.js';
import { resend } from '../messages/resend.js';

/**
 * Answers a peer until it leaves. Resolves with how many of its messages could not be sent back.
 * @param tell gets what the first of these was
 */
export async function echo(connection: PortableConnection, tell: (what: string) => void): Promise<number> {
  let refused = 0;
  for await (const message of connection.messages()) {
    const what = await resend(connection, message).catch((error: unknown) =>
      connection.isConnected() ? `a message of which the library says "${toSentence(error)}"` : undefined,
    ); // or else the peer left before its answer
    if (what === undefined) continue;
    if (refused === 0) tell(what);
    refused++;
  }
  return refused;
}
