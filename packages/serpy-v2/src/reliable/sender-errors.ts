/** Errors of a program that changes the memory of a message before the message is sent completely. */
import { ValueError } from 'serpy-core';

export function detachedBufferError(sizeBytes: number): ValueError {
  return new ValueError(
    `a message of ${sizeBytes} bytes was not sent completely, so the peer does not get it: the program transferred or shrank its memory before all bytes were sent. ` +
      'Send a copy (Buffer.from(bytes))',
  );
}

export function changedBytesError(sizeBytes: number): ValueError {
  return new ValueError(
    `a message of ${sizeBytes} bytes cannot be sent again after the link broke, so the peer does not get it: the program changed its bytes before they were acknowledged. ` +
      'Send a copy (Buffer.from(bytes)), or change the bytes only after the acknowledgement',
  );
}
