/** What a program has done to the memory of a message before it was sent. */
import { ValueError } from 'serpy-core';

export function detachedBufferError(sizeBytes: number): ValueError {
  return new ValueError(
    `a message of ${sizeBytes} bytes is not sent, or not wholly: the program took its memory away meanwhile (transferred it, or made it smaller), ` +
      'so the peer does not get it: send a copy (Buffer.from(bytes))',
  );
}

export function changedBytesError(sizeBytes: number): ValueError {
  return new ValueError(
    `a message of ${sizeBytes} bytes had to be sent again after the link broke, and its bytes had been changed meanwhile, so the peer does not get it: ` +
      'send a copy (Buffer.from(bytes)), or change them only after an acknowledgement',
  );
}
