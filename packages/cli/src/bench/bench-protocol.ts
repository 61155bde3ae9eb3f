/**
 * The messages between a measuring client and `serpy bench --listen`: short texts that both protocols carry. An echo server returns the question
 * and is recognized by that.
 */
import type { PortableConnection, PortableMessage } from 'serpy';

/** The questions, each one text. */
export const questions = {
  /** Asks what the other end is. A bench answers `ready`, an echo returns the question. */
  hello: 'serpy bench: hello',
  /** From now on, the other end counts messages and does not return them. No answer. */
  sink: 'serpy bench: sink',
  /** Asks for the count. After that, the other end returns messages again. */
  count: 'serpy bench: count',
} as const;

export type Question = keyof typeof questions;

/** `serpy bench --listen`, or any program that returns what it receives. */
export type OtherEnd = 'bench' | 'echo';

const ready = 'serpy bench: ready';

/** The count of the other end. */
export interface Counted {
  readonly messages: number;
  readonly bytes: number;
}

/** The question in a message; undefined for other messages. */
export function questionOf(message: PortableMessage): Question | undefined {
  const text = shortText(message);
  return (Object.keys(questions) as Question[]).find((name) => questions[name] === text);
}

/** The answer to `hello`. */
export const helloAnswer = ready;

/** The answer to `count`. */
export function countAnswer({ messages, bytes }: Counted): string {
  return `serpy bench: counted ${messages} messages, ${bytes} bytes`;
}

/** The other end, from its answer to `hello`; undefined for other messages. */
export function otherEndOf(message: PortableMessage): OtherEnd | undefined {
  const text = shortText(message);
  if (text === ready) return 'bench';
  return text === questions.hello ? 'echo' : undefined;
}

/** The count, from the answer to `count`; undefined for other messages. */
export function countedOf(message: PortableMessage): Counted | undefined {
  const [, messages, bytes] = /^serpy bench: counted (\d+) messages, (\d+) bytes$/.exec(shortText(message) ?? '') ?? [];
  return bytes === undefined ? undefined : { messages: Number(messages), bytes: Number(bytes) };
}

/** Limits of a wait. */
export interface WaitLimits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Sends a question and resolves with the first result of `read` that is not undefined. Messages without a result are dropped, because a peer can
 * send others.
 * @throws the errors of `sendData` and `getMessage`; `ERR_SERPY_TIMEOUT` without an answer
 */
export async function ask<R>(
  connection: PortableConnection,
  question: Question,
  read: (message: PortableMessage) => R | undefined,
  clock: { now(): number },
  { timeoutMs, signal }: WaitLimits,
): Promise<R> {
  const endMs = clock.now() + timeoutMs;
  await connection.sendData(questions[question], { timeoutMs, signal });
  for (;;) {
    const message = await connection.getMessage({ timeoutMs: Math.max(0, Math.floor(endMs - clock.now())), signal });
    const answer = read(message);
    if (answer !== undefined) return answer;
  }
}

/** Every question and answer is shorter than this, so that large messages are not decoded. */
const maxTextLength = 100;

/** A Python peer over v1 can return text as bytes, so both types are accepted. */
function shortText(message: PortableMessage): string | undefined {
  const { value } = message;
  if (typeof value !== 'string' && !Buffer.isBuffer(value)) return undefined;
  return value.length > maxTextLength ? undefined : value.toString();
}
