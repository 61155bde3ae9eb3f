/** The types of the packages in a TypeScript program: the types of received messages depend on the protocol. */
import * as serpy from 'serpy';
import {
  type Connection,
  type ConnectionSettings,
  type CoreConnection,
  connect,
  type Environment,
  type ErrorOf,
  isSerpyError,
  type ListenerOptions,
  listen,
  type NdArray,
  type PortableMessage,
  type SerpyError,
  type Transport,
  type TypesOf,
  type lines as typesOfLines,
  type v1 as typesOfV1,
  type v2 as typesOfV2,
} from 'serpy';
import { type DType, decodeNpy, encodeNpy } from 'serpy-arrays';
import { ByteQueue, type SerpyErrorLike } from 'serpy-core';
import { MemoryNetwork, seededRandom } from 'serpy-core/testing';
import { FaultProxy, type Faults, v2Frames } from 'serpy-fault-proxy';
import * as lines from 'serpy-lines';
import * as v1 from 'serpy-v1';
import * as v2 from 'serpy-v2';

export async function overV1(port: number): Promise<Buffer> {
  const connection = await new v1.Connection({ encoding: 'utf-8', autoRestart: true }).connect('127.0.0.1', port);
  const arrived: boolean = await connection.sendData('text', { mode: 1, timeoutMs: 100 });
  if (!arrived) throw new Error('no acknowledgement came');
  const { type, mode } = await connection.getMessage();
  console.log(type, mode);
  // @ts-expect-error v1 has the modes 0 to 5
  await connection.sendData('text', { mode: 9 });
  return connection.close().then(() => Buffer.alloc(0));
}

export async function overLines(options: lines.ConnectionOptions): Promise<lines.ConnectionStats> {
  const connection = await new lines.Connection({ terminator: '\r', ...options }).connect('127.0.0.1', 1);
  await connection.sendData('*IDN?');
  const { type, value }: { type: 'text'; value: string } = await connection.getMessage();
  console.log(type, value);
  // @ts-expect-error lines carry text only
  await connection.sendData(42);
  return connection.stats();
}

export async function anyProtocolWithLines(): Promise<string> {
  const connection = await connect('lines://127.0.0.1:1?terminator=\r');
  await connection.sendData(42);
  // @ts-expect-error lines carry no bytes
  await connection.sendData(Buffer.alloc(1));
  const { value }: typesOfLines.Message = await connection.getMessage();
  return value;
}

// @ts-expect-error the class of core is a type only
export const madeOfCore: unknown = lines.CoreConnection;

export async function overV2(server: v2.Server): Promise<void> {
  for await (const connection of server) {
    const data: string | number | bigint | Buffer = await connection.getData({ signal: new AbortController().signal });
    await connection.sendData(typeof data === 'number' ? v2.float(data) : data);
    // @ts-expect-error v2 sends no objects
    await connection.sendData({ exposureMs: 20 });
  }
}

export async function overEither(): Promise<PortableMessage> {
  await using server = await listen({ protocol: 'auto', port: 0 });
  const connection = await connect({ protocol: 'v2', host: '127.0.0.1', port: server.address?.port ?? 0 });
  const message = await connection.getMessage();
  // @ts-expect-error a v2 connection receives v2 messages
  const mode: number = message.mode;
  return mode > 0 ? message : connection.getMessage();
}

/** serpy exports the types that its signatures mention. */
export interface Named {
  readonly connection: Connection<'v1'> & CoreConnection<TypesOf['v1']>;
  readonly settings: ConnectionSettings;
  readonly errors: [ErrorOf<'ERR_SERPY_DELIVERY_UNKNOWN'>['messages'], SerpyError];
  readonly network: [Environment, ListenerOptions, Transport];
  readonly messages: [typesOfV1.Message, typesOfV2.Message];
}

// @ts-expect-error listen starts a server of serpy; the class is only a type
export const made: unknown = serpy.Server;

export async function withArrays(connection: v2.Connection, overV1: v1.Connection): Promise<DType> {
  await connection.sendData({ data: new Uint16Array(6), shape: [2, 3] });
  const image: NdArray = await connection.getArray({ timeoutMs: 100 });
  if (image.dtype === 'uint16') await connection.sendData(Uint16Array.from(image.data, (pixel) => 2 * pixel));
  const floats: Float32Array = (await connection.getArray({ dtype: 'float32', shape: [512, 512] })).data;
  connection.release(floats);
  // @ts-expect-error an array has a typed array as its data
  await connection.sendData({ data: [1, 2, 3], shape: [3] });
  // @ts-expect-error v1 sends arrays only as bytes, from encodeNpy
  await overV1.sendData(floats);
  return decodeNpy(encodeNpy(image)).dtype;
}

export async function throughAProxy(port: number): Promise<number> {
  const down: Faults = { frames: v2Frames, cut: { frame: 3, how: 'fin' } };
  await using proxy = await new FaultProxy({
    target: { port },
    plan: (index) => (index === 0 ? { down } : {}),
  }).start();
  proxy.on('linkClose', (link, { reason }) => console.log(link.index, reason));
  // @ts-expect-error a link is cut with 'rst', for example
  proxy.cut('scissors');
  return proxy.address.port;
}

export function sentence(error: unknown): string {
  const known: SerpyErrorLike | undefined = isSerpyError(error) ? error : undefined;
  return known ? `${known.code}: ${known.message}` : String(error);
}

export const parts = [new ByteQueue(), new MemoryNetwork({ seed: 1 }), seededRandom(1)];
