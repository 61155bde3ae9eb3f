import { readdirSync, readFileSync } from 'node:fs';
import * as core from 'serpy-core';
import * as testing from 'serpy-core/testing';
import { expect, test } from 'vitest';

// Adding or removing a name is a decision, not an accident.
test('serpy-core exports exactly these values', () => {
  expect(Object.keys(core).sort()).toMatchInlineSnapshot(`
    [
      "AbortError",
      "ArrayFormatError",
      "AuthenticationError",
      "BadFrames",
      "ByteQueue",
      "ChecksumError",
      "ConnectError",
      "Connection",
      "ConnectionClosedError",
      "ConnectionLostError",
      "DeliveryUnknownError",
      "EncodingError",
      "Fifo",
      "InsecureError",
      "IntegerRangeError",
      "LineWatch",
      "ListenError",
      "Message",
      "MessageTooLargeError",
      "MessagesDroppedError",
      "NotConnectedError",
      "OptionError",
      "OutOfStepError",
      "PeerTimeoutError",
      "ProtocolError",
      "QueueFullError",
      "RequestFailedError",
      "SerpyError",
      "Server",
      "SharedEncoding",
      "SharedKey",
      "StreamCancelledError",
      "TimeoutError",
      "TruncatedError",
      "ValueError",
      "aboutFrom",
      "aboutOf",
      "aboutTextFrom",
      "acceptedOptions",
      "acceptedSettings",
      "addressOptions",
      "allocateMessage",
      "checkNames",
      "connectionOptions",
      "decoderStream",
      "describeForeignProtocol",
      "describeValue",
      "detachedHost",
      "encoderStream",
      "exactFromBytes",
      "generateKey",
      "isLoopback",
      "isSerpyError",
      "isTypedNumber",
      "json",
      "jsonOf",
      "kindOfBytes",
      "linesHint",
      "loadKernel",
      "markInUse",
      "maxAxes",
      "messageKinds",
      "nameFrom",
      "option",
      "ownCopy",
      "parseAbout",
      "parseOptions",
      "quoted",
      "receiveBounds",
      "serverOptions",
      "sniffBytes",
      "systemEnvironment",
      "validateAll",
      "wideZero",
    ]
  `);
});

test('serpy-core/testing exports exactly these values', () => {
  expect(Object.keys(testing).sort()).toMatchInlineSnapshot(`
    [
      "Attempt",
      "DeliveryChecker",
      "ManualClock",
      "MemoryNetwork",
      "RecordingHost",
      "byteByByte",
      "everyCut",
      "outcomeOfSend",
      "randomPieces",
      "seededRandom",
    ]
  `);
});

test('no published file needs vitest', () => {
  const folder = new URL('../src/testing/', import.meta.url);
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.ts'))) {
    const text = readFileSync(new URL(name, folder), 'utf8');
    expect(text, name).not.toMatch(/vitest'|contract/);
  }
});
