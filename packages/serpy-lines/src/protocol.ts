/** Lines of text as core sees them. */
import {
  type JsonReading,
  type MessageKind,
  type Protocol,
  type ProtocolTypes,
  Message as ReceivedMessage,
  type Role,
  type SessionHost,
} from 'serpy-core';
import {
  type AcknowledgeOption,
  type Line,
  LinesSession,
  type ReceivedLine,
  type SessionOptions,
} from './lines-session.js';

/** A line with its type, as the messages of other protocols have it. */
export interface Message extends JsonReading {
  readonly type: 'text';
  readonly value: string;
}

/** The types of lines. */
export interface Lines extends ProtocolTypes {
  value: string;
  sendOptions: AcknowledgeOption;
  received: ReceivedLine;
  outgoing: Line;
  data: string;
  message: Message;
}

/** Lines with their options. */
export function linesProtocol(options: SessionOptions) {
  return {
    name: 'lines',
    sendOptionNames: ['acknowledge'],
    createSession: (_role: Role, host: SessionHost<Line>) => new LinesSession(options, host),
    data: ({ text }: ReceivedLine) => text,
    message: ({ text }: ReceivedLine): Message => new ReceivedMessage('text', text),
    kind: (): MessageKind => 'text',
  } satisfies Protocol<Lines>;
}
