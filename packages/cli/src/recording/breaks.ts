/** The links of a connection that broke, and where between its messages some may be missing: not where a session went on. */
import type { Connection, PortableConnection } from 'serpy';
import type { Clock } from '../environment/context.js';

/** Between two messages, or behind the last. */
export interface Gap {
  /** When the link broke, by the clock of the command and by that of the computer. */
  readonly brokeMs: number;
  readonly wallMs: number;
  /** How long there was no link; undefined where it did not come back. */
  readonly downMs: number | undefined;
}

export interface Breaks {
  /** The gaps before the next message that is taken; it is counted. */
  beforeNext(): Gap[];
  /** Those behind the last message. */
  rest(): Gap[];
}

interface BrokenLink {
  readonly brokeMs: number;
  readonly wallMs: number;
  downMs: number | undefined;
  /** How many messages had come before. */
  readonly messages: number;
  /** The number of the session that the link was in; undefined where there was none. */
  readonly session: number | undefined;
}

type Watched = Pick<PortableConnection, 'inSession' | 'stats' | 'closeInfo'> & Pick<Connection, 'on'>;

export function watchBreaks(connection: Watched, { now, wallMs }: Pick<Clock, 'now' | 'wallMs'>): Breaks {
  const breaks: BrokenLink[] = [];
  let taken = 0;
  const add = (found: Omit<BrokenLink, 'messages'>) =>
    breaks.push({ ...found, messages: connection.stats().messagesReceived });
  connection.on('disconnect', ({ reason, clean }) => {
    if (reason === 'local-close' || clean) return;
    const { messagesReceived: messages, sessions } = connection.stats();
    if (reason === 'protocol' && messages === 0) return; // who never spoke the protocol is no instrument
    const session = clean === undefined ? undefined : sessions;
    const last = breaks.at(-1);
    // On a link that came to nothing, a session may not have been gone on with yet.
    if (last?.messages === messages && session === undefined) last.downMs = undefined;
    else add({ brokeMs: now(), wallMs: wallMs(), downMs: undefined, session });
  });
  connection.on('reconnect', ({ downMs }) => {
    const last = breaks.at(-1);
    if (last && last.downMs === undefined) last.downMs = now() - last.brokeMs;
    // The first link broke before anybody watched.
    else add({ brokeMs: now() - downMs, wallMs: wallMs() - downMs, downMs, session: undefined });
  });
  const resumed = ({ session }: BrokenLink, next: BrokenLink | undefined): boolean => {
    if (session === undefined) return false;
    if (next) return next.session === session;
    return connection.inSession && connection.stats().sessions === session;
  };
  /** Those behind so many messages. */
  const gapsBehind = (messages: number): Gap[] => {
    const gaps: Gap[] = [];
    while (breaks[0] && breaks[0].messages <= messages) {
      const [first, next] = breaks;
      if (!resumed(first as BrokenLink, next)) gaps.push(first as BrokenLink);
      breaks.shift();
    }
    return gaps;
  };
  return {
    beforeNext: () => gapsBehind(taken++),
    rest() {
      const { reason, clean } = connection.closeInfo ?? {};
      // Where the peer cannot say goodbye, to hang up for good is how it ends.
      if (reason === 'peer-closed' && clean === undefined && breaks.at(-1)?.downMs === undefined) breaks.pop();
      return gapsBehind(Number.POSITIVE_INFINITY);
    },
  };
}

/** What is told of gaps at the end. */
export function gapsText(count: number): string {
  const places = count === 1 ? 'a gap is' : `${count} gaps are`;
  return `${places} in the recording, where a link broke and what was sent meanwhile is missing: index.jsonl says where`;
}
