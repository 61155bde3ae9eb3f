/** Lines with the values that every protocol carries: text, and numbers as decimal text. */
import { isTypedNumber, type Role, type SessionHost, type TypedNumber } from 'serpy-core';
import { lines, v1 } from '../protocols.js';
import { acceptingAbout } from './about.js';
import { fromLine } from './portable-message.js';

const { formatFloat, formatNumber } = v1;

/** The values of lines: text, and numbers, which are sent as decimal text. */
export type LineValue = string | number | bigint | TypedNumber;

class PortableLinesSession extends lines.LinesSession {
  override encode(value: LineValue, options: object): lines.Line {
    return super.encode(textOf(value), options);
  }
}

/** Numbers have the text that v1 sends for them. Other values are refused by the session, which names their type. */
function textOf(value: LineValue): string {
  if (typeof value === 'number' || typeof value === 'bigint') return formatNumber(value);
  if (typeof value !== 'object' || !isTypedNumber(value)) return value;
  return value.type === 'float' ? formatFloat(value.value as number) : formatNumber(value.value);
}

/** Makes lines with portable messages. */
export function portableLines(settings: lines.SessionOptions) {
  return {
    ...acceptingAbout(lines.linesProtocol(settings)),
    createSession: (_role: Role, host: SessionHost<lines.Line>) => new PortableLinesSession(settings, host),
    message: ({ text }: lines.ReceivedLine) => fromLine(text, settings.encoding),
  };
}
