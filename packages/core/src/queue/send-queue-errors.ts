/** The errors of a full send queue and of dropped messages. */
import { MessagesDroppedError, QueueFullError } from '../errors.js';
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

export function broadcastError(limits: QueueLimits, messages: number): MessagesDroppedError {
  const text = `${full(limits)}, as the peer reads too slowly or is disconnected, and broadcast messages for it are dropped: broadcast less, or raise sendQueue. stats().droppedSending counts them`;
  return new MessagesDroppedError(text, messages);
}

/** Why `slowPeers: 'disconnect'` closed a connection. */
export function slowPeerError(limits: QueueLimits): QueueFullError {
  return new QueueFullError(
    `the peer was too slow for broadcast, which closed the connection (slowPeers: 'disconnect'): ${full(limits)}. Broadcast less, raise sendQueue, or choose another slowPeers`,
  );
}

export function fullMessage(limits: QueueLimits): string {
  return `${full(limits)}, as the peer reads too slowly or is disconnected: await sendData, send less, or choose another whenFull`;
}

function full({ maxMessages, maxBytes }: QueueLimits): string {
  return `the send queue is full (sendQueue: ${maxMessages} messages, ${maxBytes} bytes)`;
}
