/** What must be true of two ends at every moment, whatever has happened to them. */

import { maxSegmentBytes } from '../../../src/session/frames/constants.js';
import type { ReliableSession } from '../../../src/session/reliable-session.js';
import type { Frame, SessionOptions } from '../../../src/v2-session.js';
import type { End } from './end.js';

type Options = Partial<SessionOptions>;

/** So many bytes of small messages are gathered before they count, with what stands before each. */
const gatheredBytes = 64 * 1024;

/** Above this the pieces themselves are looked at now and then only. */
const fewPieces = 32;

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

/** Looks at one end by itself. */
export function lookAtEnd(end: End, { replayQueue, receiveQueue }: Options, most: number): void {
  const { reliableSession } = end;
  if (reliableSession === undefined) return;
  const { name } = end;
  const { first, bytes } = reliableSession.sender.state;
  const { next } = reliableSession.sender;
  const length = next - first;
  must(length >= 0, `${name} has ${first} acknowledged, and ${next} is the next`);
  if (length <= fewPieces) {
    let expected: number | undefined;
    for (const [from, to] of reliableSession.sender.retainedRanges()) {
      if (expected === undefined)
        must(from <= first && first < to, `${name} keeps ${from} to ${to}, first of all, and needs ${first}`);
      else must(from === expected, `${name} keeps ${from} in the place of ${expected}`);
      expected = to;
    }
    must((expected ?? first) === next, `${name} keeps all before ${expected ?? first}, and ${next} is the next`);
  }
  if (replayQueue) {
    must(length <= replayQueue.maxMessages, `${name} keeps ${length} messages, and may ${replayQueue.maxMessages}`);
    const most = replayQueue.maxBytes + maxSegmentBytes + gatheredBytes;
    must(bytes < most, `${name} keeps ${bytes} bytes, and may ${replayQueue.maxBytes}`);
  }
  const { receiver } = reliableSession;
  must(receiver.consumed <= receiver.next, `${name} has taken ${receiver.consumed}, and ${receiver.next} is expected`);
  if (receiveQueue) {
    const { started, received, takenMessages, takenBytes } = receiver.state;
    must(started - takenMessages <= receiveQueue.maxMessages, `${name} holds ${started - takenMessages} messages`);
    must(received - takenBytes < receiveQueue.maxBytes + most, `${name} holds ${received - takenBytes} bytes`);
  }
}

/** Looks at both ends of one session: from the first to the second, and back. */
export function lookAtSession(one: End, other: End): void {
  const ours = one.reliableSession as ReliableSession<Frame>;
  const theirs = other.reliableSession as ReliableSession<Frame>;
  lookOneWay(one.name, ours, theirs);
  lookOneWay(other.name, theirs, ours);
}

function lookOneWay(name: string, from: ReliableSession<Frame>, to: ReliableSession<Frame>): void {
  const { first, started } = from.sender.state;
  const { next: sent, limits } = from.sender;
  const { next: expected, limits: allowed } = to.receiver;
  must(first <= expected, `${name}: ${first} are acknowledged, and ${expected} is expected`);
  must(expected <= sent, `${name}: ${expected} is expected, and ${sent} were sent`);
  must(limits.messages <= allowed.messages, `${name} believes in ${limits.messages} messages, of ${allowed.messages}`);
  must(limits.bytes <= allowed.bytes, `${name} believes in ${limits.bytes} bytes, of ${allowed.bytes}`);
  must(started <= allowed.messages, `${name} has begun ${started} messages, and may ${allowed.messages}`);
  if (expected === sent) {
    const got = to.receiver.state;
    const { sent: bytes } = from.sender.state;
    must(got.started === started, `${name} counts ${started} messages, and its peer ${got.started}`);
    must(got.received === bytes, `${name} counts ${bytes} bytes, and its peer ${got.received}`);
  }
}

/** Of a session there is one end with a link at a server, at most. */
export function lookAtServers(servers: readonly End[]): void {
  const seen = new Set<string>();
  for (const end of servers) {
    const { reliableSession } = end;
    if (reliableSession === undefined || end.over) continue;
    const id = reliableSession.credentials.id.toString('latin1');
    must(!seen.has(id), `two connections have one session, ${end.name} is the second`);
    seen.add(id);
  }
}
