/** What must be true of two ends at every moment, whatever has happened to them. */

import type { ReliableSession } from '../../../src/reliable/reliable-session.js';
import type { Frame, SessionOptions } from '../../../src/v2-session.js';
import type { End } from './end.js';

type Options = Partial<SessionOptions>;

/** Above this the segments themselves are looked at now and then only. */
const fewBytes = 2_000;

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

/**
 * Looks at one end by itself.
 * @param most the size of the largest message, with its frame
 */
export function lookAtEnd(end: End, { replayQueue, receiveQueue }: Options, most: number): void {
  const { reliableSession, name } = end;
  if (reliableSession === undefined) return;
  const { sender, receiver } = reliableSession;
  must(sender.acked <= sender.end, `${name} has ${sender.acked} acknowledged, and ${sender.end} is the end`);
  must(sender.sent <= sender.end, `${name} has sent ${sender.sent}, and ${sender.end} is the end`);
  if (sender.end - sender.acked <= fewBytes) lookAtKept(end, reliableSession);
  if (replayQueue) {
    const { keptMessages, keptBytes } = sender;
    must(keptMessages <= replayQueue.maxMessages, `${name} keeps ${keptMessages} messages`);
    must(keptBytes < replayQueue.maxBytes + most, `${name} keeps ${keptBytes} bytes, and may ${replayQueue.maxBytes}`);
  }
  const { consumed, received, waitingMessages, waitingBytes } = receiver;
  must(consumed <= received, `${name} has consumed ${consumed}, and ${received} is expected`);
  if (receiveQueue) {
    must(waitingMessages <= receiveQueue.maxMessages, `${name} holds ${waitingMessages} messages`);
    must(waitingBytes < receiveQueue.maxBytes + most, `${name} holds ${waitingBytes} bytes`);
  }
}

/** What is kept reaches, without a gap, from before what is not acknowledged to the end. */
function lookAtKept({ name }: End, { sender }: ReliableSession<Frame>): void {
  let expected: number | undefined;
  for (const [start, end] of sender.keptRanges()) {
    if (expected === undefined) must(start <= sender.acked, `${name} keeps ${start} first, and needs ${sender.acked}`);
    else must(start === expected, `${name} keeps ${start} in the place of ${expected}`);
    expected = end;
  }
  must((expected ?? sender.acked) === sender.end, `${name} keeps all before ${expected}, and ${sender.end} is the end`);
}

/** Looks at both ends of one session: from the first to the second, and back. */
export function lookAtSession(one: End, other: End): void {
  const ours = one.reliableSession as ReliableSession<Frame>;
  const theirs = other.reliableSession as ReliableSession<Frame>;
  lookOneWay(one.name, ours, theirs);
  lookOneWay(other.name, theirs, ours);
}

function lookOneWay(name: string, { sender }: ReliableSession<Frame>, { receiver }: ReliableSession<Frame>): void {
  const { acked, end, sent, limit } = sender;
  const { received } = receiver;
  must(acked <= received, `${name}: ${acked} is acknowledged, and ${received} is expected`);
  must(received <= end, `${name}: ${received} is expected, and ${end} is the end`);
  must(limit <= receiver.limit, `${name} believes in a limit of ${limit}, of ${receiver.limit}`);
  must(sent <= limit || sent <= acked, `${name} has sent ${sent}, and may ${limit}`);
}

/** Of a session there is one end with a link at a server, at most. */
export function lookAtServers(servers: readonly End[]): void {
  const seen = new Set<string>();
  for (const end of servers) {
    if (end.reliableSession === undefined || end.over) continue;
    must(!seen.has(end.sessionId), `two connections have one session, ${end.name} is the second`);
    seen.add(end.sessionId);
  }
}
