/** What was agreed with the peer, as one line of plain text. */
import type { ConnectionState } from 'serpy-core';

/** What `describeConnection` reads of a connection. */
export interface DescribedConnection {
  readonly state: ConnectionState;
  readonly peerProtocol: 'v1' | 'v2' | 'lines' | undefined;
  readonly inSession: boolean;
  readonly encrypted: boolean;
}

const meanings = {
  session: 'sendData resolves when the message is queued, and it arrives once while both programs run',
  plain: 'sendData resolves when the message is queued, and it is lost if the connection breaks before it arrives',
  waiting: 'sendData resolves when the message is queued, which waits for the connection',
  dropping: "sendData drops the message and resolves false, until there is a connection (whenOffline: 'drop')",
} as const;

const unconnected: Partial<Record<ConnectionState, string>> = {
  idle: 'not connected: call connect() first',
  connecting: 'connecting: what is agreed is not known yet; sendData resolves when the message is queued',
  closed: 'closed: sendData rejects',
};

/** @param dropsOffline whether messages are dropped while there is no connection (`whenOffline: 'drop'`) */
export function describeConnection(
  { state, peerProtocol, inSession, encrypted }: DescribedConnection,
  dropsOffline: boolean,
): string {
  if (state === 'connecting' && dropsOffline)
    return `connecting: what is agreed is not known yet; ${meanings.dropping}`;
  const text = unconnected[state];
  if (text !== undefined) return text;
  if (state === 'reconnecting')
    return `reconnecting, ${peerProtocol ?? 'protocol not known'}: ${dropsOffline ? meanings.dropping : meanings.waiting}`;
  const parts = [
    peerProtocol ?? 'protocol not known yet',
    inSession ? 'session' : 'no session',
    encrypted ? 'encrypted' : 'not encrypted',
    acknowledgementOf(peerProtocol, inSession),
  ];
  const closing = state === 'closing' ? 'closing: ' : '';
  return `${closing}${parts.join(', ')}; ${inSession ? meanings.session : meanings.plain}`;
}

function acknowledgementOf(protocol: DescribedConnection['peerProtocol'], inSession: boolean): string {
  if (inSession) return "acknowledge: 'received' or 'consumed'";
  if (protocol === 'v1') return "acknowledge: 'received'";
  return protocol === undefined ? 'acknowledgements not known yet' : 'no acknowledgements';
}
