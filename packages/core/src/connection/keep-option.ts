/** The option `keep`: which received messages wait for the program. */
import { OptionError } from '../errors.js';
import { type OptionSpec, option } from '../options/option.js';
import { checkNames } from '../options/option-names.js';
import type { InboundMessage } from '../protocol/message.js';
import { type MessageKind, messageKinds } from '../protocol/message-kind.js';
import type { Protocol, ProtocolTypes } from '../protocol/protocol.js';
import type { QueueOptions } from '../queue/send-queue.js';

/** For one kind of messages: all, or only the newest. */
export type KeepKind = 'all' | 'latest';

/** By kind. A kind that is left out keeps all. */
export type KeepByKind = { readonly [K in MessageKind]?: KeepKind | undefined };

/** A message as a function of `keep` gets it: what the messages of all protocols have in common. */
export interface KeptMessage {
  readonly type: string;
  readonly value: unknown;
}

/**
 * Messages for which it returns the same text replace each other, so that only the newest of them waits; undefined keeps the message. The message is
 * as `getMessage` returns it.
 */
export type KeepFunction = { keyOf(message: KeptMessage): string | undefined }['keyOf'];

/** Which received messages are kept: all, or only the newest, of all messages or of some. */
export type Keep = KeepKind | KeepByKind | KeepFunction;

const ofKind = option.choice<KeepKind>(['all', 'latest'], undefined);

export const keepOption: OptionSpec<Keep> = {
  takes: `a choice of 'all' or 'latest', an object with ${messageKinds.join(', ')}, or a function of the message`,
  default: 'all',
  parse(value, path) {
    if (typeof value === 'function') return value as KeepFunction;
    if (value === null || typeof value !== 'object' || Array.isArray(value)) {
      return option.choice<KeepKind>(['all', 'latest'], undefined).parse(value, path);
    }
    checkNames(value, messageKinds, `${path}.`);
    const given = Object.entries(value).filter(([, each]) => each !== undefined);
    return Object.fromEntries(given.map(([kind, each]) => [kind, ofKind.parse(each, `${path}.${kind}`)]));
  },
  validateWith(value, { receiveQueue }) {
    const names = Object.entries((receiveQueue ?? {}) as object).filter(([, each]) => each !== undefined);
    if (value !== 'latest' || names.length === 0) return;
    const stated = names.map(([name]) => `receiveQueue.${name}`).join(' and ');
    throw new OptionError(
      `the options keep: 'latest' and ${stated} contradict each other: 'latest' keeps one message, which the next replaces, so leave one of them out`,
    );
  },
};

/** The kinds of which only the newest message waits. */
function latestKinds(keep: Keep): MessageKind[] {
  if (typeof keep !== 'object') return [];
  return messageKinds.filter((kind) => keep[kind] === 'latest');
}

/** Whether messages may replace others although not all of them do. */
function isSelective(keep: Keep): boolean {
  return typeof keep === 'function' || latestKinds(keep).length > 0;
}

/**
 * The bounds of the receive queue. The newest message of each kind that replaces others has room of its own: a large image must not stop reading,
 * or it would not be the newest for long. A function has room for one.
 */
export function receiveBounds(receiveQueue: QueueOptions, keep: Keep, maxMessageBytes: number): QueueOptions {
  const more = typeof keep === 'function' ? 1 : latestKinds(keep).length;
  if (more === 0) return receiveQueue;
  const { maxMessages, maxBytes, whenFull } = receiveQueue;
  const safe = (sum: number) => Math.min(sum, Number.MAX_SAFE_INTEGER);
  return { maxMessages: safe(maxMessages + more), maxBytes: safe(maxBytes + more * maxMessageBytes), whenFull };
}

/** Names what messages replace each other: undefined for those that do not. */
export type KeyOf = (received: InboundMessage) => string | undefined;

/** The names for an option that is neither `'all'` nor `'latest'`; undefined if no message replaces another. */
export function keyFunction(keep: Keep, protocol: Protocol<ProtocolTypes>): KeyOf | undefined {
  if (!isSelective(keep)) return undefined;
  if (typeof keep === 'function') {
    const keyOf = keep as (message: unknown) => unknown;
    return (received) => {
      const key = keyOf(protocol.message(received));
      if (key === undefined || typeof key === 'string') return key;
      throw new OptionError(`it returned ${typeof key}, not a string or undefined`);
    };
  }
  const kinds: readonly (MessageKind | undefined)[] = latestKinds(keep);
  return (received) => {
    const kind = protocol.kind?.(received);
    return kinds.includes(kind) ? kind : undefined;
  };
}
