/** The errors of a full send queue and of dropped messages. */
import { MessagesDroppedError } from '../errors.js';
import type { QueueLimits } from './bounded-queue.js';

export function offlineError(messages: number): MessagesDroppedError {
  const text =
    "messages are being dropped until the connection is up again (whenOffline: 'drop'): stats().droppedSending counts them";
  return new MessagesDroppedError(text, messages);
}

export function droppedError(limits: QueueLimits): MessagesDroppedError {
  const text = `${full(limits)} and drops messages: send less, or raise sendQueue. stats().droppedSending counts them`;
  return new MessagesDroppedError(text, 1);
}

export function fullMessage(limits: QueueLimits): string {
  return `${full(limits)}, as the peer reads too slowly or is disconnected: await sendData, send less, or choose another whenFull`;
}

function full({ maxMessages, maxBytes }: QueueLimits): string {
  return `the send queue is full (sendQueue: ${maxMessages} messages, ${maxBytes} bytes)`;
}
