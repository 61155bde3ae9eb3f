/** Invalid bytes from Python: they close their own connection or cause a warning, and affect no other connection. */
import { once } from 'node:events';
import * as v1 from 'serpy-v1';
import * as v2 from 'serpy-v2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasPython, type PythonPeer, titled } from './python-peer.js';
import { Stage, warningsOf } from './stage.js';

interface Row {
  readonly what: string;
  readonly hex: string;
  readonly code: string;
}

/** The bytes of a string with `|` for `1F`, `␄` for `04` and `^` for `01`. */
function block(text: string): string {
  const controls = { '|': '\x1f', '␄': '\x04', '^': '\x01' } as const;
  return Buffer.from(
    text.replace(/[|␄^]/g, (sign) => controls[sign as '|']),
    'latin1',
  ).toString('hex');
}

/** A v2 frame, whose checksum may be wrong. */
function frame(
  type: string,
  payload: Buffer,
  checksum = payload.reduce((sum, byte) => sum + byte, 0),
  length = payload.length,
): string {
  const numbers = Buffer.alloc(8);
  numbers.writeUInt32LE(checksum);
  numbers.writeUInt32LE(length, 4);
  return `decafecafe${type}${numbers.toString('hex')}${payload.toString('hex')}`;
}

const protocol = 'ERR_SERPY_PROTOCOL';

interface World {
  readonly package: typeof v1 | typeof v2;
  /** The name of text in a command. */
  readonly text: string;
  readonly ends: readonly Row[];
  readonly warns: readonly Row[];
  /** The start of a message. */
  readonly half: string;
}

const worlds: Record<'v1' | 'v2', World> = {
  v1: {
    package: v1,
    text: 'text',
    ends: [
      { what: 'an unknown control word', hex: block('^HELLO|'), code: protocol },
      { what: 'a mode that does not exist', hex: block('^SETMODE9|'), code: protocol },
      { what: 'a control block without an end', hex: block('^SETMODESETMODE'), code: protocol },
      { what: 'bad base85', hex: block('^SETMODE2|V"X|'), code: protocol },
      { what: 'an acknowledged block without 04', hex: block('^SETMODE1|cut|'), code: protocol },
      { what: 'a block above the limit', hex: '41'.repeat(2001), code: 'ERR_SERPY_TOO_LARGE' },
    ],
    warns: [
      { what: 'an ACKEOT without a message', hex: block('^ACKEOT!!|'), code: protocol },
      { what: 'an ACKMODCG without a mode change', hex: block('^ACKMODCG|'), code: protocol },
    ],
    half: block('half of a'),
  },
  v2: {
    package: v2,
    text: 'str',
    ends: [
      { what: 'a wrong magic', hex: '00112233445566778899aabbccdd', code: protocol },
      { what: 'an unknown type', hex: frame('7e', Buffer.from('x')), code: protocol },
      { what: 'a text that is not UTF-8', hex: frame('21', Buffer.of(0xff)), code: protocol },
      { what: 'a float that is none', hex: frame('11', Buffer.from('one')), code: protocol },
      { what: 'a message above the limit', hex: frame('81', Buffer.alloc(0), 0, 2001), code: 'ERR_SERPY_TOO_LARGE' },
      {
        what: 'the largest length there is',
        hex: frame('81', Buffer.alloc(0), 0, 0xffffffff),
        code: 'ERR_SERPY_TOO_LARGE',
      },
    ],
    warns: [
      { what: 'a wrong checksum', hex: frame('21', Buffer.from('damaged'), 1), code: 'ERR_SERPY_CHECKSUM' },
      {
        what: 'an unknown type with a wrong checksum',
        hex: frame('7e', Buffer.from('x'), 1),
        code: 'ERR_SERPY_CHECKSUM',
      },
    ],
    half: frame('21', Buffer.from('half'), 0, 8),
  },
};

describe.skipIf(!hasPython).each(['v1', 'v2'] as const)(titled('a %s server', hasPython), (name) => {
  const { package: serpy, text, ends, warns, half } = worlds[name];
  const stage = new Stage();
  const server = stage.keep(new serpy.Server({ port: 0, maxMessageBytes: 2000 }));
  type Accepted = v1.Connection | v2.Connection;
  let neighbour: { peer: PythonPeer; connection: Accepted };

  async function connectPeer(): Promise<{ peer: PythonPeer; connection: Accepted }> {
    const peer = stage.connectPeer(name, server.address?.port as number);
    const connection = await server.getConnection();
    await peer.next('connected');
    return { peer, connection };
  }

  async function exchange({ peer, connection }: { peer: PythonPeer; connection: Accepted }): Promise<void> {
    const [data] = await Promise.all([connection.getData(), peer.send(text, 'from Python')]);
    expect(String(data)).toBe('from Python');
    await connection.sendData('to Python');
    expect(await peer.next('message')).toMatchObject({ value: 'to Python' });
  }

  beforeAll(async () => {
    await server.start();
    neighbour = await connectPeer();
    await exchange(neighbour);
  });
  afterAll(() => stage.clear());

  test.each(ends)(
    'closes the connection for $what, after delivering the messages before it, and no other connection',
    async ({ hex, code }) => {
      const offender = await connectPeer();
      const warnings = warningsOf(offender.connection);
      const closed = once(offender.connection, 'close');
      await offender.peer.send(text, 'before');
      await offender.peer.do({ do: 'send_raw', hex });
      const [info] = await closed;
      expect(info).toMatchObject({ reason: 'protocol', error: { code } });
      expect(warnings.map((error) => error.code)).toEqual([code]);
      await offender.peer.next('disconnected');

      expect(String(await offender.connection.getData())).toBe('before');
      await expect(offender.connection.getData()).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED', cause: { code } });
      await expect(offender.connection.sendData('x')).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
      expect(server.getConnectionsList()).toEqual([neighbour.connection]);
      await exchange(neighbour);
    },
  );

  test.each(warns)('warns about $what, and continues', async ({ hex, code }) => {
    const offender = await connectPeer();
    const warnings = warningsOf(offender.connection);
    await offender.peer.send(text, 'before');
    await offender.peer.do({ do: 'send_raw', hex });
    await offender.peer.send(text, 'after');
    expect([String(await offender.connection.getData()), String(await offender.connection.getData())]).toEqual([
      'before',
      'after',
    ]);
    expect(warnings.map((error) => error.code)).toEqual([code]);
    expect(offender.connection.stats().badFrames).toBe(1);
    await exchange(offender);
    await exchange(neighbour);
    const closed = once(offender.connection, 'close');
    await offender.peer.do({ do: 'close' });
    await closed;
  });

  test('reports a truncated message when Python ends in the middle of one', async () => {
    const offender = await connectPeer();
    const warnings = warningsOf(offender.connection);
    const closed = once(offender.connection, 'close');
    await offender.peer.send(text, 'before');
    await offender.peer.do({ do: 'send_raw', hex: half });
    await offender.peer.do({ do: 'cut', how: 'fin' });
    const [info] = await closed;
    expect(info).toMatchObject({ reason: 'peer-closed', error: { code: 'ERR_SERPY_TRUNCATED' } });
    expect(warnings).toEqual([info.error]);
    expect([...offender.connection].map(String)).toEqual(['before']);
    await exchange(neighbour);
  });
});
