/**
 * What a measuring end and `serpy bench --listen` say to each other, in short texts that both protocols carry. A peer that knows nothing of it and
 * sends back what it gets is recognised by that: it sends back the question.
 */
import type { PortableConnection, PortableMessage } from 'serpy';

/** What is asked, each as one text. */
export const questions = {
  /** Who is there? A bench answers `ready`, an echo sends it back. */
  hello: 'serpy bench: hello',
  /** From here on messages are counted and not sent back. No answer. */
  sink: 'serpy bench: sink',
  /** How many were there? After that messages are sent back again. */
  count: 'serpy bench: count',
} as const;

export type Question = keyof typeof questions;

/** Who is at the other end: `serpy bench --listen`, or anything that sends back what it gets. */
export type OtherEnd = 'bench' | 'echo';

const ready = 'serpy bench: ready';

/** What a peer has counted. */
export interface Counted {
  readonly messages: number;
  readonly bytes: number;
}

/** The question that a message is, if it is one. */
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

/** Who has sent this answer to `hello`; undefined for a message of another kind. */
export function otherEndOf(message: PortableMessage): OtherEnd | undefined {
  const text = shortText(message);
  if (text === ready) return 'bench';
  return text === questions.hello ? 'echo' : undefined;
}

/** What an answer to `count` says; undefined for a message of another kind. */
export function countedOf(message: PortableMessage): Counted | undefined {
  const [, messages, bytes] = /^serpy bench: counted (\d+) messages, (\d+) bytes$/.exec(shortText(message) ?? '') ?? [];
  return bytes === undefined ? undefined : { messages: Number(messages), bytes: Number(bytes) };
}

/** How a call waits. */
export interface WaitLimits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Sends a text and resolves with what `read` makes of the first message that it makes something of. Other messages are dropped: a peer may have
 * more to say.
 * @throws what `sendData` and `getMessage` throw; `ERR_SERPY_TIMEOUT` when no answer comes
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

/** Every text of the dialogue is shorter than this, so that a large message is never turned into text. */
const maxTextLength = 100;

/** A v1 peer in Python may send back as bytes what it got as text, so the type does not count. */
function shortText(message: PortableMessage): string | undefined {
  const { value } = message;
  if (typeof value !== 'string' && !Buffer.isBuffer(value)) return undefined;
  return value.length > maxTextLength ? undefined : value.toString();
}
