/** Heartbeats of v1: when one is sent, what counts as an answer, and when the link is closed. */
import type { Role } from 'serpy-core';
import { describe, expect, test } from 'vitest';
import { Heartbeat, type LivenessSetting } from '../src/heartbeat.js';
import { Conversation } from './conversation.js';

function alive(role: Role, setting: Partial<LivenessSetting>, upMs = 0): Heartbeat {
  const liveness = new Heartbeat(role, setting);
  liveness.linkUp(upMs);
  return liveness;
}

const silent = expect.objectContaining({ code: 'ERR_SERPY_PEER_TIMEOUT' });

describe('heartbeats', () => {
  test.each(['client', 'server'] as const)(
    'of a %s are sent after silence, and time out after three intervals',
    (role) => {
      const liveness = alive(role, { heartbeatIntervalMs: 100 }, 1000);
      expect(liveness.deadlineMs).toBe(1100);
      expect(liveness.tick(1099, false)).toBe(false);
      expect(liveness.tick(1100, false)).toBe(true);
      expect(liveness.deadlineMs).toBe(1300);
      expect(liveness.tick(1299, false)).toBe(false); // asks once
      expect(() => liveness.tick(1300, false)).toThrow(silent);
    },
  );

  test('report how long the peer was silent, and what to check', () => {
    const liveness = alive('client', { heartbeatIntervalMs: 100 });
    liveness.tick(100, false);
    expect(() => liveness.tick(300, false)).toThrow(
      'the peer sent nothing for 300 ms and did not answer a heartbeat (heartbeatIntervalMs: 100). ' +
        'Check the cable, and that the program at the other end runs and reads its messages. If it may be busy for that long, raise heartbeatIntervalMs',
    );
  });

  test('restart with each received byte', () => {
    const liveness = alive('client', { heartbeatIntervalMs: 100 });
    liveness.tick(100, false);
    liveness.onReceived(250);
    expect(liveness.tick(300, false)).toBe(false);
    expect(liveness.deadlineMs).toBe(350);
    expect(liveness.tick(350, false)).toBe(true);
    expect(liveness.deadlineMs).toBe(550);
  });

  test('do not move their deadline for each byte', () => {
    const liveness = alive('client', { heartbeatIntervalMs: 100 });
    for (let nowMs = 0; nowMs < 100; nowMs++) liveness.onReceived(nowMs);
    expect(liveness.deadlineMs).toBe(100);
    expect(liveness.tick(100, false)).toBe(false);
    expect(liveness.deadlineMs).toBe(199);
  });

  test('that a busy program sends late still give the peer its time', () => {
    const liveness = alive('client', { heartbeatIntervalMs: 100 });
    expect(liveness.tick(5000, false)).toBe(true);
    expect(liveness.tick(5199, false)).toBe(false);
    expect(() => liveness.tick(5200, false)).toThrow(silent);
  });

  test('are neither sent nor time out while reading is paused, and restart after that', () => {
    const liveness = alive('client', { heartbeatIntervalMs: 100 });
    expect(liveness.tick(100, false)).toBe(true);
    expect(liveness.tick(300, true)).toBe(false);
    expect(liveness.tick(400, true)).toBe(false);
    expect(liveness.deadlineMs).toBe(500);
    expect(liveness.tick(500, false)).toBe(true);
    expect(() => liveness.tick(700, false)).toThrow(silent);
  });

  test('restart on each link, and none is sent without a link', () => {
    const liveness = alive('client', { heartbeatIntervalMs: 100 });
    liveness.tick(100, false);
    liveness.linkDown();
    expect(liveness.deadlineMs).toBeUndefined();
    liveness.linkUp(1000);
    expect(liveness.deadlineMs).toBe(1100);
    expect(liveness.tick(1100, false)).toBe(true);
  });

  test('are disabled by default', () => {
    const liveness = alive('client', {});
    expect(liveness.deadlineMs).toBeUndefined();
    liveness.onReceived(5);
    expect([liveness.deadlineMs, liveness.tick(1_000_000, false)]).toEqual([undefined, false]);
  });
});

describe('the first answer', () => {
  test('has a timeout that starts at the next tick', () => {
    const liveness = alive('client', { modeChangeTimeoutMs: 5000 }, 1000);
    expect(liveness.deadlineMs).toBeUndefined();
    liveness.modeChangeSent();
    expect(liveness.deadlineMs).toBe(1000); // at once
    liveness.tick(70_000, false);
    expect(liveness.deadlineMs).toBe(75_000);
    liveness.tick(74_999, false);
    expect(() => liveness.tick(75_000, false)).toThrow(
      'the server accepted the connection and did not answer a mode change (SETMODE) within 5000 ms (modeChangeTimeoutMs). ' +
        "Check that a v1 server runs on this port and that its program is not blocked. If the server speaks v2, use serpy-v2, or protocol: 'v2'",
    );
  });

  test('is any received byte', () => {
    const liveness = alive('client', { modeChangeTimeoutMs: 5000 });
    liveness.modeChangeSent();
    liveness.tick(0, false);
    liveness.onReceived(4999);
    expect([liveness.deadlineMs, liveness.tick(5000, false)]).toEqual([undefined, false]);
  });

  test('has a longer timeout while reading is paused', () => {
    const liveness = alive('client', { modeChangeTimeoutMs: 5000 });
    liveness.modeChangeSent();
    liveness.tick(0, false);
    liveness.tick(5000, true);
    expect(liveness.deadlineMs).toBe(10_000);
    expect(() => liveness.tick(10_000, false)).toThrow(silent);
  });

  test('of the last link is not expected on the next one', () => {
    const liveness = alive('client', { modeChangeTimeoutMs: 5000 });
    liveness.modeChangeSent();
    liveness.linkDown();
    liveness.linkUp(100);
    expect([liveness.deadlineMs, liveness.tick(10_000, false)]).toEqual([undefined, false]);
  });

  test('is not expected by a server, whose client may have a full queue, nor with 0 ms', () => {
    for (const liveness of [
      alive('server', { modeChangeTimeoutMs: 5000 }),
      alive('client', { modeChangeTimeoutMs: 0 }),
    ]) {
      liveness.modeChangeSent();
      expect(liveness.deadlineMs).toBeUndefined();
    }
  });

  test('and heartbeats work together: the earlier deadline counts', () => {
    const liveness = alive('client', { modeChangeTimeoutMs: 5000, heartbeatIntervalMs: 1000 });
    liveness.modeChangeSent();
    liveness.tick(10, false);
    expect(liveness.deadlineMs).toBe(1000);
    liveness.tick(1000, false);
    expect(liveness.deadlineMs).toBe(3000);
    expect(() => liveness.tick(3000, false)).toThrow(/heartbeatIntervalMs/);
  });
});

describe('a session', () => {
  test('sends a change to the current mode, between two blocks', () => {
    const conversation = new Conversation({ heartbeatIntervalMs: 100 });
    conversation.session.tick(100, false);
    expect(conversation.takeShown()).toBe('^SETMODE0|');
    conversation.hear('^ACKMODCG|', 110);
    conversation.say(Buffer.from('x'), { mode: 3 });
    conversation.hear('^ACKMODCG|^ACKEOT!!|', 120);
    conversation.takeWritten();
    conversation.session.tick(220, false);
    expect(conversation.takeShown()).toBe('^SETMODE3|');
    conversation.say(Buffer.from('x'), { mode: 3 });
    expect(conversation.takeShown()).toBe('cm␄|');
    conversation.hear('^ACKMODCG|^ACKEOT!!|', 230);
    expect(conversation.warnings).toEqual([]);
    expect(conversation.acknowledged).toHaveLength(2);
  });

  test('sends no heartbeat while a mode change awaits its answer', () => {
    const conversation = new Conversation({ heartbeatIntervalMs: 100 });
    conversation.say(Buffer.from('x'), { mode: 2 });
    conversation.takeWritten();
    conversation.session.tick(100, false);
    expect(conversation.takeShown()).toBe('');
    expect(() => conversation.session.tick(300, false)).toThrow(silent);
  });

  test('is not kept alive by sent bytes', () => {
    const conversation = new Conversation({ heartbeatIntervalMs: 100 });
    for (let n = 0; n < 10; n++) conversation.say('x');
    conversation.session.tick(100, false);
    for (let n = 0; n < 10; n++) conversation.say('x');
    expect(() => conversation.session.tick(300, false)).toThrow(silent);
  });

  test('is kept alive by any byte: half a block, or an empty one', () => {
    for (const bytes of ['half a blo', '|', '^ACKMODCG|']) {
      const conversation = new Conversation({ heartbeatIntervalMs: 100 });
      conversation.session.tick(100, false);
      conversation.hear(bytes, 299);
      conversation.session.tick(300, false);
      expect(conversation.session.deadlineMs).toBe(399);
    }
  });

  test('expects the first answer only if the first block is a mode change', () => {
    const client = () => new Conversation({ modeChangeTimeoutMs: 5000 }, 'client');
    const opened = client();
    opened.say('x', { mode: 1 });
    expect(opened.session.deadlineMs).toBe(0);
    const later = client(); // after a message that the peer does not read, the answer would not arrive
    later.say('x');
    later.say('x', { mode: 1 });
    expect(later.session.deadlineMs).toBeUndefined();
  });

  test('expects the first answer to messages sent again on a new link', () => {
    const conversation = new Conversation({ modeChangeTimeoutMs: 5000 }, 'client');
    conversation.say('x');
    conversation.say('x', { mode: 1 });
    conversation.reconnect(100);
    expect(conversation.session.deadlineMs).toBe(100);
  });
});
