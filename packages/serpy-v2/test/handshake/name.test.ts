/** The name in HELLO and WELCOME: a wrong one is ignored, and ends nothing. */
import { describe, expect, test } from 'vitest';
import { SessionRegistry } from '../../src/session/session-registry.js';
import { End } from '../session/talk.js';
import { fieldsOf, helloOf } from './changed-hello.js';

const nameField = 0x0b;

/** A server that has read the HELLO of a client, with these bytes as its name. */
function serverThatHears(name: Buffer | undefined): End {
  const client = new End('client', {});
  client.up();
  const fields = fieldsOf(client.takeBytes());
  const head = Buffer.from([nameField, 0, 0]);
  head.writeUInt16LE(name?.length ?? 0, 1);
  const hello = helloOf(Buffer.concat(name === undefined ? [fields] : [fields, head, name]));
  const server = new End('server', {}, new SessionRegistry<never>());
  server.up();
  server.hear(hello);
  return server;
}

describe('a server that hears a HELLO', () => {
  test.each([
    ['a name', Buffer.from('camera µ'), 'camera µ'],
    ['no name', undefined, undefined],
    ['an empty name', Buffer.alloc(0), undefined],
    ['white space', Buffer.from('  '), undefined],
    ['64 bytes', Buffer.alloc(64, 'x'), 'x'.repeat(64)],
    ['65 bytes', Buffer.alloc(65, 'x'), undefined],
    ['3000 bytes', Buffer.alloc(3000, 'x'), undefined],
    ['bytes that are not UTF-8', Buffer.of(0xff, 0xfe), undefined],
    ['half a character', Buffer.of(0xed, 0xa0, 0xbd), undefined],
    ['a control character', Buffer.from('a\x1b[2J'), undefined],
    ['a C1 control character', Buffer.from('a\x9b2J'), undefined],
    ['a new line', Buffer.from('a\nb'), undefined],
    ['a character that changes the direction', Buffer.from('a\u202eb'), undefined],
  ])('with %s has the session, and the name if it is one', (_, bytes, name) => {
    const server = serverThatHears(bytes);
    expect(server.error).toBeUndefined();
    expect(server.session.resumable?.epoch).toBeDefined();
    expect(server.session.resumable?.peerName).toBe(name);
  });
});

test('the name of the last HELLO counts: a client that resumes with another name has that name', () => {
  const registry = new SessionRegistry<never>();
  const [client, server] = [new End('client', { name: 'before' }), new End('server', { name: 'lab' }, registry)];
  const exchange = (to: End) => {
    for (let turn = 0; turn < 4; turn++) {
      to.hear(client.takeBytes());
      client.hear(to.takeBytes());
    }
  };
  client.up();
  server.up();
  exchange(server);
  expect([client.session.resumable?.peerName, server.session.resumable?.peerName]).toEqual(['lab', 'before']);
  client.session.linkDown();
  server.session.linkDown();
  client.up();
  const hello = client.takeBytes();
  const at = hello.indexOf('before');
  const fields = Buffer.from(fieldsOf(hello));
  fields.write('later!', fields.indexOf('before'));
  const second = new End('server', {}, registry);
  second.up();
  server.resumed = () => server.up();
  second.hear(helloOf(fields));
  expect(at).toBeGreaterThan(0);
  expect(server.session.resumable?.peerName).toBe('later!');
});
