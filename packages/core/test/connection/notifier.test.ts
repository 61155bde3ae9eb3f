/** When a connection's listeners and its server are called: after a step of the session, and never before they can listen. */
import { EventEmitter } from 'node:events';
import { expect, test, vi } from 'vitest';
import { Notifier } from '../../src/connection/notifier.js';
import { ProtocolError, type SerpyErrorLike } from '../../src/errors.js';
import type { ProgressInfo } from '../../src/protocol/resumable-session.js';

const idle = { partialBytes: 0, pendingTakeover: false };
const progress: ProgressInfo = { direction: 'send', of: 'message', number: 0, doneBytes: 1, totalBytes: 2 };
const closeInfo = {
  reason: 'reset',
  error: undefined,
  unsentMessages: 0,
  unacknowledgedMessages: 0,
  clean: undefined,
  peerReason: undefined,
} as const;

function setUp() {
  const emitter = new EventEmitter();
  const immediates: (() => void)[] = [];
  const notifier = new Notifier(emitter, { setImmediate: (callback) => immediates.push(callback) });
  const calls: string[] = [];
  const listen = () => emitter.on('warning', ({ message }: Error) => calls.push(`warning ${message}`));
  const hooks = {
    onClose: () => calls.push('onClose'),
    onIdentified: () => calls.push('onIdentified'),
    onRejected: (_: unknown, error: SerpyErrorLike) => calls.push(`onRejected ${error.message}`),
    onPartialBytes: (_: unknown, bytes: number) => calls.push(`onPartialBytes ${bytes}`),
  };
  const nextTurn = () => {
    for (const callback of immediates.splice(0)) callback();
  };
  return { emitter, notifier, calls, listen, hooks, nextTurn };
}

test('a progress event waits for the end of the step', () => {
  const { emitter, notifier, calls } = setUp();
  emitter.on('progress', ({ doneBytes }) => calls.push(`progress ${doneBytes}`));
  notifier.progress(progress);
  expect(calls).toEqual([]);
  notifier.stepDone(idle);
  expect(calls).toEqual(['progress 1']);
  notifier.stepDone(idle);
  expect(calls).toEqual(['progress 1']);
});

test('a deferred warning is emitted after the step, or in a microtask if no step follows', async () => {
  const { notifier, calls, listen } = setUp();
  listen();
  notifier.deferWarning(new ProtocolError('one'));
  expect(calls).toEqual([]);
  notifier.flushWarnings();
  expect(calls).toEqual(['warning one']);
  notifier.deferWarning(new ProtocolError('two'));
  await Promise.resolve();
  expect(calls).toEqual(['warning one', 'warning two']);
});

test('of a flood of warnings 16 are emitted, with the latest among them, and the others are counted', () => {
  const { notifier, calls, listen } = setUp();
  listen();
  for (let n = 1; n <= 100; n++) notifier.deferWarning(new ProtocolError(`${n}`));
  notifier.flushWarnings();
  expect(calls.slice(0, 2)).toEqual(['warning 1', 'warning 2']);
  expect(calls.slice(15)).toEqual(['warning 100', 'warning the peer caused 84 further warnings, which are omitted']);
});

test('a warning before the program can listen waits for a turn, and then goes to the process once for each code', async () => {
  const emitted = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const { notifier, calls, listen, nextTurn } = setUp();
  notifier.warn(new ProtocolError('early'));
  listen();
  nextTurn();
  expect(calls).toEqual(['warning early']);
  const silent = setUp();
  silent.notifier.warn(new ProtocolError('one'));
  silent.notifier.warn(new ProtocolError('two'));
  silent.nextTurn();
  silent.notifier.warn(new ProtocolError('three'));
  expect(emitted.mock.calls.map(([message]) => message)).toEqual(['one']);
  emitted.mockRestore();
});

test('a server learns of changed memory after a step, and only of changes', () => {
  const { notifier, calls, hooks } = setUp();
  notifier.accepted(hooks);
  for (const partialBytes of [0, 10, 10, 0]) notifier.stepDone({ ...idle, partialBytes });
  expect(calls).toEqual(['onPartialBytes 10', 'onPartialBytes 0']);
});

test('a connection that is identified later has its warnings after onIdentified, even if a turn passes before', () => {
  const emitted = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const { notifier, calls, listen, hooks, nextTurn } = setUp();
  notifier.accepted({
    ...hooks,
    onIdentified: () => {
      calls.push('onIdentified');
      listen();
    },
  });
  notifier.warn(new ProtocolError('early'));
  notifier.identifyLater();
  notifier.stepDone({ partialBytes: 0, pendingTakeover: true });
  nextTurn();
  expect(calls).toEqual([]);
  notifier.stepDone(idle);
  expect(calls).toEqual(['onIdentified', 'warning early']);
  expect(emitted).not.toHaveBeenCalled();
  emitted.mockRestore();
});

test('a connection that closes before it is identified is reported as rejected, with its last warning', () => {
  const { emitter, notifier, calls, hooks } = setUp();
  emitter.on('close', () => calls.push('close'));
  notifier.accepted(hooks);
  notifier.identifyLater();
  notifier.deferWarning(new ProtocolError('one'));
  notifier.deferWarning(new ProtocolError('two'));
  notifier.closed(closeInfo);
  expect(calls).toEqual(['onClose', 'onRejected two', 'close']);
});
