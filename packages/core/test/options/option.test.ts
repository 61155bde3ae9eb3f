import { describe, expect, test } from 'vitest';
import { acceptedOptions, addressOptions, connectionOptions } from '../../src/connection/connection-options.js';
import { option, parseOptions } from '../../src/options/option.js';
import { checkNames } from '../../src/options/option-names.js';
import { serverOptions } from '../../src/server/server-options.js';

describe('options of a connection', () => {
  test('have these defaults', () => {
    expect(parseOptions(connectionOptions, {})).toEqual({
      autoRestart: false,
      waitForServer: false,
      outOfStep: 'reconnect',
      connectTimeoutMs: 10_000,
      closeTimeoutMs: 5_000,
      keepAliveMs: 5_000,
      writeTimeoutMs: 30_000,
      frameTimeoutMs: 30_000,
      maxMessageBytes: 64 * 1024 * 1024,
      sendQueue: { maxMessages: 1000, maxBytes: 16 * 1024 * 1024, whenFull: 'block' },
      receiveQueue: { maxMessages: 4096, maxBytes: 16 * 1024 * 1024, whenFull: 'block' },
      maxOpenStreams: 1024,
      keep: 'all',
      whenOffline: 'buffer',
      reconnect: {
        baseDelayMs: 250,
        maxDelayMs: 15_000,
        maxAttempts: Number.POSITIVE_INFINITY,
        resetAfterMs: 10_000,
      },
    });
  });

  test('can be given in part, also within a group', () => {
    const { sendQueue, autoRestart } = parseOptions(connectionOptions, {
      autoRestart: true,
      sendQueue: { maxMessages: 5, whenFull: 'error' },
    });
    expect(autoRestart).toBe(true);
    expect(sendQueue).toEqual({ maxMessages: 5, maxBytes: 16 * 1024 * 1024, whenFull: 'error' });
  });

  test('one object of options serves many connections: it is not changed, and the settings share no object', () => {
    const given = Object.freeze({ sendQueue: Object.freeze({ maxMessages: 5 }) });
    const [first, second] = [parseOptions(connectionOptions, given), parseOptions(connectionOptions, given)];
    expect(first).toEqual(second);
    expect(first.sendQueue).not.toBe(second.sendQueue);
  });
});

describe('the messages of wrong options', () => {
  test.each([
    [connectionOptions, { autoRestart: 1 }, 'the option autoRestart takes true or false, not 1'],
    [connectionOptions, { autoRestart: 'true' }, "the option autoRestart takes true or false, not 'true' (a string)"],
    [connectionOptions, { autoRestart: null }, 'the option autoRestart takes true or false, not null'],
    [
      connectionOptions,
      { connectTimeoutMs: 0 },
      'the option connectTimeoutMs takes a number of milliseconds from 1 to 2147483647, not 0',
    ],
    [
      connectionOptions,
      { closeTimeoutMs: Number.POSITIVE_INFINITY },
      'the option closeTimeoutMs takes a number of milliseconds from 0 to 2147483647, not Infinity',
    ],
    [
      connectionOptions,
      { maxMessageBytes: 2 ** 32 },
      'the option maxMessageBytes takes a whole number from 1 to 4294967295, not 4294967296',
    ],
    [
      connectionOptions,
      { maxMessageBytes: 10n },
      'the option maxMessageBytes takes a whole number from 1 to 4294967295, not 10',
    ],
    [
      connectionOptions,
      { sendQueue: { maxMessages: 0 } },
      'the option sendQueue.maxMessages takes a whole number from 1 to 9007199254740991, not 0',
    ],
    [
      connectionOptions,
      { sendQueue: { whenFull: 'wait' } },
      "the option sendQueue.whenFull takes 'block' or 'drop-oldest' or 'drop-newest' or 'error', not 'wait' (a string)",
    ],
    [
      connectionOptions,
      { sendQueue: [] },
      'the option sendQueue takes an object with names from maxMessages, maxBytes, whenFull, not an array',
    ],
    [
      connectionOptions,
      { reconnect: { maxAttempts: 2.5 } },
      'the option reconnect.maxAttempts takes a whole number from 1, or Infinity, not 2.5',
    ],
    [
      connectionOptions,
      { keepAliveMs: {} },
      'the option keepAliveMs takes a number of milliseconds from 0 to 32767000, not an object',
    ],
    [
      connectionOptions,
      { keepAliveMs: () => 5 },
      'the option keepAliveMs takes a number of milliseconds from 0 to 32767000, not a function',
    ],
    [connectionOptions, { keepAlive: 5 }, 'there is no option keepAlive: did you mean keepAliveMs?'],
    [connectionOptions, { AUTORESTART: true }, 'there is no option AUTORESTART: did you mean autoRestart?'],
    [
      connectionOptions,
      { reconnect: { patience: 1 } },
      'there is no option reconnect.patience: the options are baseDelayMs, maxDelayMs, minDelayMs, maxAttempts, resetAfterMs',
    ],
    [
      connectionOptions,
      undefined,
      'options are an object with names from autoRestart, waitForServer, connectTimeoutMs, closeTimeoutMs, keepAliveMs, writeTimeoutMs, frameTimeoutMs, maxMessageBytes, sendQueue, receiveQueue, maxOpenStreams, keep, whenOffline, outOfStep, name, key, tls, reconnect, not undefined',
    ],
    [connectionOptions, 'utf-8', "not 'utf-8' (a string)"],
    [connectionOptions, { keep: 'newest' }, "the option keep takes 'all' or 'latest', not 'newest' (a string)"],
    [connectionOptions, { whenOffline: true }, "the option whenOffline takes 'buffer' or 'drop', not true"],
    [
      connectionOptions,
      { keep: 'latest', receiveQueue: { maxMessages: 5, whenFull: 'block', maxBytes: undefined } },
      "the options keep: 'latest' and receiveQueue.maxMessages and receiveQueue.whenFull contradict each other: 'latest' keeps one message, which the next replaces, so leave one of them out",
    ],
    [
      connectionOptions,
      { reconnect: { minDelayMs: 20_000 } },
      'reconnect.minDelayMs (20000) is larger than reconnect.maxDelayMs (15000): raise maxDelayMs, which is the maximum of the whole wait',
    ],
    [
      connectionOptions,
      { reconnect: { minDelayMs: 200, maxDelayMs: 100 } },
      'is larger than reconnect.maxDelayMs (100)',
    ],
    [connectionOptions, { keep: 'latest', receiveQueue: 'none' }, 'the option receiveQueue takes an object'],
    [serverOptions, {}, 'the option port is missing: it takes a whole number from 0 to 65535'],
    [serverOptions, { port: '5000' }, "the option port takes a whole number from 0 to 65535, not '5000' (a string)"],
    [
      serverOptions,
      { port: 5000, host: ' ' },
      "the option host takes a host name or IP address such as '127.0.0.1', not ' ' (a string)",
    ],
    [serverOptions, { port: 5000, maxConnection: 1 }, 'there is no option maxConnection: did you mean maxConnections?'],
    [
      acceptedOptions,
      { autoRestart: true },
      'there is no option autoRestart: the options are closeTimeoutMs, keepAliveMs, writeTimeoutMs, frameTimeoutMs, maxMessageBytes, sendQueue, receiveQueue',
    ],
  ])('%#: %j', (specs, given, message) => {
    expect(() => parseOptions(specs as typeof connectionOptions, given)).toThrow(
      expect.objectContaining({
        name: 'OptionError',
        code: 'ERR_SERPY_OPTION',
        message: expect.stringContaining(message),
      }),
    );
  });

  test('contain the start of a long string', () => {
    expect(() => option.flag(true).parse('x'.repeat(1000), 'tls')).toThrow(`not '${'x'.repeat(40)}…' (a string)`);
  });

  test('name a symbol', () => {
    expect(() => option.flag(true).parse(Symbol('yes'), 'tls')).toThrow(
      'the option tls takes true or false, not a symbol',
    );
  });

  test('names are checked independent of inherited properties', () => {
    expect(() => checkNames({ constructor: 1 }, ['host'])).toThrow(
      'there is no option constructor: the options are host',
    );
    expect(() => checkNames({ foo: 1 }, ['host'])).toThrow('there is no option foo: the options are host');
    expect(() => checkNames({ mode: 1 }, ['host'])).toThrow('there is no option mode: the options are host');
    expect(() => checkNames({ hots: 1 }, ['host'])).toThrow('there is no option hots: did you mean host?');
    checkNames(Object.create({ anything: 1 }), ['host']);
    expect(() => checkNames(JSON.parse('{"__proto__": 1}'), ['host'])).toThrow('there is no option __proto__');
  });
});

test('a host is trimmed, and a port has 16 bits', () => {
  expect(addressOptions.host.parse(' 127.0.0.1 ', 'host')).toBe('127.0.0.1');
  for (const port of [0, 1, 65_535]) expect(addressOptions.port.parse(port, 'port')).toBe(port);
  for (const port of [-1, 65_536, 1.5, Number.NaN])
    expect(() => addressOptions.port.parse(port, 'port')).toThrow('the option port');
});
