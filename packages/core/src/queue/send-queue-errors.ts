/** What a send queue says of the messages that it drops. */

import { MessagesDroppedError } from '../errors.js';
import type { QueueLimits } from './bounded-queue.js';

export function offlineError(messages: number): MessagesDroppedError {
  const why = "there is no link (whenOffline: 'drop')";
  return new MessagesDroppedError(`${why}: messages are being dropped until it is back; stats() counts them`, messages);
}

export function droppedError(limits: QueueLimits): MessagesDroppedError {
  return new MessagesDroppedError(`${full(limits)}: messages are being dropped; stats() counts them`, 1);
}

export function fullMessage(limits: QueueLimits): string {
  return `${full(limits)}: the peer reads too slowly or the link is down. Await sendData, send less, or choose another whenFull`;
}

function full({ maxMessages, maxBytes }: QueueLimits): string {
  return `the send queue is full (sendQueue: ${maxMessages} messages, ${maxBytes} bytes)`;
}
