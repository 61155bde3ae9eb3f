/** A v2 session in the hands of a test: bytes in, all that comes out of it gathered. */
import { isDeepStrictEqual } from 'node:util';
import { isSerpyError, type SerpyError, type SerpyErrorLike } from 'serpy-core';
import { RecordingHost } from 'serpy-core/testing';
import { expect } from 'vitest';
import { type Frame, V2Session } from '../src/v2-session.js';
import type { DecodedMessage, TypedValue, Value } from '../src/values/values.js';
import { type OracleMessage, signedInteger } from './oracle.js';

/** Everything that a session made of a stream. */
export interface Outcome {
  messages: TypedValue[];
  warnings: SerpyError[];
  /** How many damaged messages the warnings stand for. */
  damaged: number;
  /** What `read` threw. */
  error: SerpyErrorLike | undefined;
  /** What `ended` said; not asked after an error. */
  ended: SerpyError | undefined;
}

export const defaultMaxMessageBytes = 64 * 1024 * 1024;

/** Feeds a fresh session chunk by chunk, reading after each as core does, and ends the stream. */
export function receive(chunks: Iterable<Buffer>, maxMessageBytes = defaultMaxMessageBytes): Outcome {
  const outcome: Outcome = { messages: [], warnings: [], damaged: 0, error: undefined, ended: undefined };
  const session = new V2Session(
    { maxMessageBytes },
    {
      ...new RecordingHost(),
      acknowledged() {},
      warn: (error: SerpyError, about?: 'bad-frame', count = 1) => {
        outcome.warnings.push(error);
        if (about === 'bad-frame') outcome.damaged += count;
      },
    },
  );
  session.linkUp();
  try {
    for (const chunk of chunks) {
      const lent = Buffer.alloc(chunk.length); // not Buffer.from, whose memory it would share with messages
      lent.set(chunk);
      session.receive(lent);
      for (let received = session.read(); received; received = session.read())
        outcome.messages.push(messageOf(received));
      session.retainUnread();
      lent.fill(0xa5);
    }
  } catch (error) {
    if (!isSerpyError(error)) throw error;
    outcome.error = error;
    return outcome;
  }
  outcome.ended = session.ended();
  return outcome;
}

/** A message without what its decoder knows besides. */
export function messageOf({ type, value }: DecodedMessage): TypedValue {
  return { type, value } as TypedValue;
}

/** The frame of a value, as one piece. */
export function frameOf(value: Value, maxMessageBytes = defaultMaxMessageBytes): Buffer {
  return Buffer.concat(piecesOf(value, maxMessageBytes));
}

/** The pieces that a session writes for a value. */
export function piecesOf(value: Value, maxMessageBytes = defaultMaxMessageBytes): Uint8Array[] {
  const pieces = new RecordingHost();
  const session = new V2Session({ maxMessageBytes }, { ...pieces, acknowledged() {}, warn() {} });
  session.linkUp();
  const outgoing: Frame = session.encode(value);
  session.send(outgoing);
  return pieces.take();
}

/** A delivered message as the oracle writes it. */
export function asOracle(message: TypedValue): OracleMessage {
  switch (message.type) {
    case 'int':
      return { type: 'int', value: BigInt(message.value) };
    case 'longint':
      return { type: 'int', value: signedInteger([...message.value]) };
    case 'bytes':
      return { type: 'bytes', value: [...message.value] };
    default:
      return message;
  }
}

/** `toStrictEqual` for messages, but fast where they are alike: Vitest compares Buffers byte by byte. */
export function expectMessages(actual: readonly TypedValue[], expected: readonly TypedValue[], name = ''): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual, name).toStrictEqual(expected);
}
