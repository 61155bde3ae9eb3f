/** A simulated instrument that answers everything with the same. */
import type { PortableConnection } from 'serpy';
import { resend } from '../resend.js';

/** Answers a peer until it leaves. Resolves with how many of its messages could not be sent back. */
export async function echo(connection: PortableConnection): Promise<number> {
  let refused = 0;
  try {
    for await (const message of connection.messages()) if (!(await resend(connection, message))) refused++;
  } catch {
    // The peer left before its answer.
  }
  return refused;
}
