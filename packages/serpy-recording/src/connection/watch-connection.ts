/** Finds what happens to a connection between its messages: breaks, after which messages may be missing, resumed sessions, and dropped messages. */
import type { RecordingClock } from '../system-clock.js';
import type { RecordedEvent } from '../writer/writer.js';

/** The events of a connection, in order with its messages. */
export interface ConnectionWatch {
  /** The events before the next message. Call it once per message. */
  beforeNext(): RecordedEvent[];
  /** Messages that were dropped since the last call. */
  drops(): RecordedEvent[];
  /** The events after the last message. */
  rest(): RecordedEvent[];
}

interface BrokenLink {
  readonly atMs: number;
  readonly wallMs: number;
  downMs: number | undefined;
  /** The number of messages before the break. */
  readonly messages: number;
  /** The number of the session at the break; undefined without a session. */
  readonly session: number | undefined;
}

/** A connection of serpy, serpy-v1 or serpy-v2. */
export interface WatchedConnection {
  readonly inSession: boolean;
  readonly encrypted: boolean;
  readonly closeInfo: EndOfLink | undefined;
  /** The protocol, if the package speaks several. */
  readonly protocol?: string | undefined;
  readonly peerProtocol?: string | undefined;
  stats(): { readonly messagesReceived: number; readonly droppedReceiving: number; readonly sessions: number };
  on(event: 'disconnect', listener: (info: EndOfLink) => void): unknown;
  on(event: 'reconnect', listener: (info: { readonly downMs: number }) => void): unknown;
}

/** Why a link has ended. */
export interface EndOfLink {
  readonly reason: string;
  readonly clean: boolean | undefined;
}

/** Starts to watch a connection. Call it before the first message is read. */
export function watchConnection(connection: WatchedConnection, { now, wallMs }: RecordingClock): ConnectionWatch {
  const breaks: BrokenLink[] = [];
  let delivered = 0;
  let dropped = 0;
  const add = (found: Omit<BrokenLink, 'messages'>) =>
    breaks.push({ ...found, messages: connection.stats().messagesReceived });
  connection.on('disconnect', ({ reason, clean }) => {
    if (reason === 'local-close' || clean) return;
    const { messagesReceived: messages, sessions } = connection.stats();
    if (reason === 'protocol' && messages === 0) return; // a peer that never spoke the protocol is not an instrument
    const session = clean === undefined ? undefined : sessions;
    const last = breaks.at(-1);
    // A connection that broke at once may not have resumed the session yet: it belongs to the previous break.
    if (last?.messages === messages && session === undefined) last.downMs = undefined;
    else add({ atMs: now(), wallMs: wallMs(), downMs: undefined, session });
  });
  connection.on('reconnect', ({ downMs }) => {
    const last = breaks.at(-1);
    if (last && last.downMs === undefined) last.downMs = now() - last.atMs;
    // The first break was before `watchConnection` was called.
    else add({ atMs: now() - downMs, wallMs: wallMs() - downMs, downMs, session: undefined });
  });
  const isResumed = ({ session }: BrokenLink, next: BrokenLink | undefined): boolean => {
    if (session === undefined) return false;
    if (next) return next.session === session;
    return connection.inSession && connection.stats().sessions === session;
  };
  /** Removes the breaks after at most this many messages, and returns them as events. */
  const eventsUpTo = (messages: number): RecordedEvent[] => {
    const events: RecordedEvent[] = [];
    while (breaks[0] && breaks[0].messages <= messages) {
      const [first, next] = breaks as [BrokenLink, BrokenLink | undefined];
      const { atMs, wallMs: brokeWallMs, downMs } = first;
      const times = { atMs, wallMs: brokeWallMs };
      if (isResumed(first, next)) events.push({ type: 'reconnect', downMs: downMs ?? 0, ...times });
      else events.push({ type: 'gap', downMs, ...times });
      breaks.shift();
    }
    return events;
  };
  const drops = (): RecordedEvent[] => {
    const messages = connection.stats().droppedReceiving - dropped;
    dropped += messages;
    return messages > 0 ? [{ type: 'drop', messages }] : [];
  };
  const peer = (): RecordedEvent => ({
    type: 'peer',
    protocol: connection.peerProtocol ?? connection.protocol ?? 'unknown',
    session: connection.inSession,
    encrypted: connection.encrypted,
  });
  return {
    beforeNext() {
      const isFirst = delivered === 0;
      if (breaks.length === 0 && !isFirst) {
        delivered++;
        return [];
      }
      const events = eventsUpTo(delivered++);
      return isFirst ? [...events, peer()] : events;
    },
    drops,
    rest() {
      const { reason, clean } = connection.closeInfo ?? {};
      // A peer without close frames ends by closing the connection for good: that is not a gap.
      if (reason === 'peer-closed' && clean === undefined && breaks.at(-1)?.downMs === undefined) breaks.pop();
      return [...drops(), ...eventsUpTo(Number.POSITIVE_INFINITY)];
    },
  };
}
