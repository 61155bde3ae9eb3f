/** What clients of a hub send. Only this file decides what of it reaches an instrument: nothing. */
import type { PortableConnection } from 'serpy';

/** Reads and counts the messages of a client, so that they do not fill its queue. */
export async function ignoreRequests(client: PortableConnection, onIgnored: () => void): Promise<void> {
  for await (const _ of client.messages()) onIgnored();
}
