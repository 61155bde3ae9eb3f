/** What TypeScript makes of the public types: checked by the compiler, which reads tests as well. */
import type * as serpy from 'serpy';
import {
  type AnySerpyError,
  type CloseInfo,
  type Connection,
  type ConnectionState,
  type ConnectionStats,
  connect,
  type DisconnectInfo,
  type DropInfo,
  isSerpyError,
  listen,
  parseUrl,
  type Server,
  type WaitOptions,
} from 'serpy';
import * as v1 from 'serpy-v1';
import * as v2 from 'serpy-v2';
import { expect, expectTypeOf, test } from 'vitest';

test('a code that was compared gives the fields of that error, and no others', () => {
  const fieldsOf = (error: AnySerpyError): unknown => {
    switch (error.code) {
      case 'ERR_SERPY_DELIVERY_UNKNOWN':
        expectTypeOf(error.messages).toEqualTypeOf<readonly unknown[]>();
        return error.messages;
      case 'ERR_SERPY_DROPPED':
        expectTypeOf(error.messages).toEqualTypeOf<number>();
        return error.messages;
      case 'ERR_SERPY_ARRAY_FORMAT':
        expectTypeOf(error.data).toEqualTypeOf<unknown>();
        return error.data;
      case 'ERR_SERPY_TOO_LARGE':
        expectTypeOf(error.limitBytes).toEqualTypeOf<number>();
        return error.sizeBytes;
      case 'ERR_SERPY_ENCODING':
        expectTypeOf(error.character).toEqualTypeOf<string>();
        return error.position;
      case 'ERR_SERPY_AUTH':
        return error.remote?.port;
      default:
        // @ts-expect-error the others have none
        return error.messages;
    }
  };
  let caught: unknown;
  try {
    parseUrl('nothing');
  } catch (error) {
    caught = error;
  }
  expect(isSerpyError(caught) && fieldsOf(caught)).toBeUndefined();
});

test('isSerpyError with a code gives the fields of that error', () => {
  const fieldsOf = (error: unknown): unknown => {
    if (isSerpyError(error, 'ERR_SERPY_DROPPED')) {
      expectTypeOf(error.messages).toEqualTypeOf<number>();
      return error.messages;
    }
    if (isSerpyError(error, 'ERR_SERPY_VALUE')) {
      expectTypeOf(error.position).toEqualTypeOf<number | undefined>();
      return error.position;
    }
    if (isSerpyError(error, 'ERR_SERPY_CLOSED')) {
      expectTypeOf(error.code).toEqualTypeOf<'ERR_SERPY_CLOSED'>();
      // @ts-expect-error it has no messages
      return error.messages;
    }
    // @ts-expect-error there is no such code
    return isSerpyError(error, 'ERR_SERPY_NOTHING');
  };
  expectTypeOf([{}].filter(isSerpyError)).toExtend<AnySerpyError[]>();
  const codes: serpy.ErrorCode = 'ERR_SERPY_AUTH';
  const narrowed = (error: unknown) => (isSerpyError(error, codes) ? error : undefined);
  expectTypeOf(narrowed).returns.toEqualTypeOf<serpy.ErrorOf<'ERR_SERPY_AUTH'> | undefined>();
  expect(fieldsOf(new Error('of another library'))).toBe(false);
});

test('warnings narrow by their code, at a connection and at a server', () => {
  const listening = (connection: Connection, server: Server) => {
    connection.on('warning', (error) => {
      if (error.code === 'ERR_SERPY_DROPPED') expectTypeOf(error.messages).toEqualTypeOf<number>();
    });
    server.on('warning', (error) => {
      if (error.code === 'ERR_SERPY_AUTH') expectTypeOf(error.remote?.host).toEqualTypeOf<string | undefined>();
      if (error.code === 'EMFILE') expectTypeOf(error).toEqualTypeOf<serpy.AcceptError>();
    });
    new v1.Server({ port: 0 }).on('warning', (error) => {
      if (error.code === 'ERR_SERPY_DELIVERY_UNKNOWN') expectTypeOf(error.messages).toEqualTypeOf<readonly unknown[]>();
    });
    new v2.Server({ port: 0 }).on('warning', (error) => {
      if (error.code === 'ERR_SERPY_AUTH') expectTypeOf(error.remote?.port).toEqualTypeOf<number | undefined>();
    });
  };
  expect(listening).toBeTypeOf('function');
});

test('what parseUrl gives is taken by connect and listen', async () => {
  await expect(connect(parseUrl('serpy2://127.0.0.1:1?connectTimeoutMs=0'))).rejects.toMatchObject({
    code: 'ERR_SERPY_OPTION',
  });
  const server = await listen(parseUrl('serpy://127.0.0.1:0'));
  await server.closeServer();
});

test('the types that signatures mention have names in each package', () => {
  expectTypeOf<Connection['closeInfo']>().toEqualTypeOf<CloseInfo | undefined>();
  expectTypeOf<ReturnType<Connection['stats']>>().toEqualTypeOf<ConnectionStats>();
  expectTypeOf<Connection['state']>().toEqualTypeOf<ConnectionState>();
  expectTypeOf<serpy.ConnectionEvents['disconnect']>().toEqualTypeOf<[info: DisconnectInfo]>();
  expectTypeOf<serpy.ServerEvents<Connection>['drop']>().toEqualTypeOf<[info: DropInfo]>();
  expectTypeOf<WaitOptions>().toEqualTypeOf<v1.WaitOptions>();
  expectTypeOf<serpy.v1.Message>().toEqualTypeOf<v1.Message>();
  expectTypeOf<serpy.ErrorOf<'ERR_SERPY_DELIVERY_UNKNOWN'>['messages']>().toEqualTypeOf<readonly unknown[]>();
  expectTypeOf<Connection<'v2'>>().toExtend<serpy.CoreConnection<serpy.TypesOf['v2']>>();
  expectTypeOf<v1.CloseInfo>().toEqualTypeOf<v2.CloseInfo>();
  expect([v1.isSerpyError, v2.isSerpyError]).toEqual([isSerpyError, isSerpyError]);
});
