/** The smallest protocol for tests of core: lines of text, of which `?` is a bad frame, and a first line with a deadline. */
import {
  acceptedOptions,
  type ClientOption,
  type ConnectionSettings,
  type PartialOptions,
  type Protocol,
  ProtocolError,
  type ProtocolTypes,
  parseOptions,
  type ServerSettings,
  type Session,
  serverOptions,
  TruncatedError,
} from 'serpy-core';

interface Line {
  readonly text: string;
  readonly sizeBytes: number;
  readonly awaitsAck: false;
}

export interface Lines extends ProtocolTypes {
  value: string;
  sendOptions: object;
  received: Line;
  outgoing: Line;
  data: string;
  message: { readonly text: string };
}

/** The calls of the session of a connection, in order. */
export type Calls = string[];

/** @param helloMs how long the client waits for a line `hello` before it can send; 0 for not at all */
export function lineProtocol(calls: Calls = [], helloMs = 0): Protocol<Lines> {
  return {
    name: 'lines',
    sendOptionNames: [],
    data: ({ text }) => text,
    message: ({ text }) => ({ text }),
    createSession(role, output): Session<string, object, Line, Line> {
      let rest = '';
      let canSend = true;
      let deadlineMs: number | undefined;
      let isUp = false;
      let failed = false;
      const ask = (what: string) => {
        if (!isUp) calls.push(`${what} while down`);
        if (failed) calls.push(`${what} after a failure`);
      };
      return {
        get canSend() {
          return canSend;
        },
        get deadlineMs() {
          return deadlineMs;
        },
        get midFrame() {
          return rest !== '';
        },
        get partialBytes() {
          return rest.includes('\n') ? 0 : rest.length;
        },
        encode: (text) => ({ text, sizeBytes: text.length + 1, awaitsAck: false }),
        send: ({ text }) => {
          calls.push(`send ${text}`);
          output.write(Buffer.from(`${text}\n`));
        },
        snapshot: () => {},
        cancelAck: () => {},
        linkUp: (nowMs) => {
          calls.push('up');
          isUp = true;
          failed = false;
          rest = '';
          canSend = role === 'server' || helloMs === 0;
          deadlineMs = canSend ? undefined : nowMs + helloMs;
        },
        linkDown: () => {
          calls.push('lost');
          isUp = false;
          deadlineMs = undefined;
        },
        receive: (chunk) => {
          ask('receive');
          rest += chunk.toString('latin1');
        },
        retainUnread: () => ask('keep'),
        read: () => {
          ask('read');
          for (;;) {
            const end = rest.indexOf('\n');
            if (end < 0) return undefined;
            const text = rest.slice(0, end);
            rest = rest.slice(end + 1);
            if (text === '!') {
              failed = true;
              throw new ProtocolError('a line that cannot be read');
            }
            if (text === '?') {
              output.warn(new ProtocolError('a bad line'), 'bad-frame');
            } else if (text === 'hello' && !canSend) {
              canSend = true;
              deadlineMs = undefined;
            } else {
              return { text, sizeBytes: text.length + 1, awaitsAck: false };
            }
          }
        },
        ended: () => (rest === '' ? undefined : new TruncatedError('half a line')),
        tick: () => {
          calls.push('tick');
          deadlineMs = undefined;
          canSend = true;
        },
      };
    },
  };
}

type CompleteServerSettings = ServerSettings & Omit<ConnectionSettings, ClientOption>;

/** The settings of a server and its connections, complete. */
export function serverSettings(options: PartialOptions<CompleteServerSettings>): CompleteServerSettings {
  return parseOptions<CompleteServerSettings>({ ...serverOptions, ...acceptedOptions }, options);
}
