/** Finds the gaps between the messages of a connection: the breaks after which messages may be missing. A resumed session leaves none. */
import type { Connection, PortableConnection } from 'serpy';
import type { Clock } from '../environment/context.js';

/** A gap between two messages, or after the last one. */
export interface Gap {
  /** The time of the break, by the clock of the command and by that of the computer. */
  readonly brokeMs: number;
  readonly wallMs: number;
  /** The duration of the outage; undefined if the connection did not come back. */
  readonly downMs: number | undefined;
}

export interface Breaks {
  /** The gaps before the next message. Call it once per message. */
  beforeNext(): Gap[];
  /** The gaps after the last message. */
  rest(): Gap[];
}

interface BrokenLink {
  readonly brokeMs: number;
  readonly wallMs: number;
  downMs: number | undefined;
  /** The number of messages before the break. */
  readonly messages: number;
  /** The number of the session at the break; undefined without a session. */
  readonly session: number | undefined;
}

type Watched = Pick<PortableConnection, 'inSession' | 'stats' | 'closeInfo'> & Pick<Connection, 'on'>;

export function watchBreaks(connection: Watched, { now, wallMs }: Pick<Clock, 'now' | 'wallMs'>): Breaks {
  const breaks: BrokenLink[] = [];
  let delivered = 0;
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
    else add({ brokeMs: now(), wallMs: wallMs(), downMs: undefined, session });
  });
  connection.on('reconnect', ({ downMs }) => {
    const last = breaks.at(-1);
    if (last && last.downMs === undefined) last.downMs = now() - last.brokeMs;
    // The first break was before `watchBreaks` was called.
    else add({ brokeMs: now() - downMs, wallMs: wallMs() - downMs, downMs, session: undefined });
  });
  const resumed = ({ session }: BrokenLink, next: BrokenLink | undefined): boolean => {
    if (session === undefined) return false;
    if (next) return next.session === session;
    return connection.inSession && connection.stats().sessions === session;
  };
  /** Removes and returns the gaps after at most this many messages. */
  const gapsUpTo = (messages: number): Gap[] => {
    const gaps: Gap[] = [];
    while (breaks[0] && breaks[0].messages <= messages) {
      const [first, next] = breaks;
      if (!resumed(first as BrokenLink, next)) gaps.push(first as BrokenLink);
      breaks.shift();
    }
    return gaps;
  };
  return {
    beforeNext: () => gapsUpTo(delivered++),
    rest() {
      const { reason, clean } = connection.closeInfo ?? {};
      // A peer without close frames ends by closing the connection for good: that is not a gap.
      if (reason === 'peer-closed' && clean === undefined && breaks.at(-1)?.downMs === undefined) breaks.pop();
      return gapsUpTo(Number.POSITIVE_INFINITY);
    },
  };
}

/** The error for the gaps of a recording. */
export function gapsText(count: number): string {
  const places = count === 1 ? 'a gap' : `${count} gaps`;
  return `the recording has ${places}: the connection broke, and messages of the outage are missing. index.jsonl marks each gap`;
}
