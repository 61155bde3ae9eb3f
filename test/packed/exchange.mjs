// A real exchange over loopback between two copies of the packages, each given as { serpy, v1, v2, lines, faults, arrays }: what was
// imported, what was required, or one of each.
import assert from 'node:assert/strict';

const loopback = '127.0.0.1';

/** A server of one copy and a client of the other: text and bytes to the server, text back, and an error matched by its code. */
async function overOneProtocol(serverSide, clientSide) {
  const server = await new serverSide.Server({ port: 0 }).start();
  const client = await new clientSide.Connection().connect(loopback, server.address.port);
  const accepted = await server.getConnection();
  const bytes = Buffer.alloc(100_000, 0x1f);

  await client.sendData('hello');
  await client.sendData(bytes);
  assert.equal(String(await accepted.getData()), 'hello');
  assert.ok(bytes.equals(await accepted.getData()));
  await accepted.sendData('thanks');
  assert.equal(String(await client.getData()), 'thanks');

  const tooLate = await client.getData({ timeoutMs: 1 }).catch((error) => error);
  await client.close();
  await server.closeServer();
  return tooLate;
}

/** A question to a simulated instrument, and its answer. */
async function overLines(serverSide, clientSide) {
  const server = await new serverSide.Server({ port: 0, terminator: '\r\n' }).start();
  const client = await new clientSide.Connection().connect(loopback, server.address.port);
  await client.sendData('*IDN?');
  const accepted = await server.getConnection();
  assert.equal(await accepted.getData(), '*IDN?');
  await accepted.sendData('ACME,1');
  assert.equal(await client.getData(), 'ACME,1');
  await client.close();
  await server.closeServer();
}

/** Arrays over both protocols, and an error of the one copy that the other knows. */
async function withArrays(serverSide, clientSide) {
  const server = await serverSide.serpy.listen({ protocol: 'auto', host: loopback, port: 0 });
  const image = { data: Float32Array.from({ length: 6000 }, (_, i) => i / 7), shape: [60, 100], dtype: 'float32' };
  for (const protocol of ['v1', 'v2']) {
    const client = await clientSide.serpy.connect({ protocol, host: loopback, port: server.address.port });
    await client.sendData(image);
    await client.sendData(clientSide.arrays.encodeNpy(image));
    await client.sendData('no array');
    const accepted = await server.getConnection();
    for (let n = 0; n < 2; n++) assert.deepEqual(await accepted.getArray(), image);
    const error = await accepted.getArray().catch((reason) => reason);
    assert.equal(error.code, 'ERR_SERPY_ARRAY_FORMAT');
    assert.equal(String(error.data), 'no array');
    assert.ok(clientSide.serpy.isSerpyError(error));
    await client.close();
  }
  await server.closeServer();
}

/** A server that detects the protocol of its clients, and a client of each protocol. */
async function overTheFacade(serverSide, clientSide) {
  const server = await serverSide.listen({ protocol: 'auto', host: loopback, port: 0 });
  for (const protocol of ['v1', 'v2']) {
    const client = await clientSide.connect({ protocol, host: loopback, port: server.address.port });
    const accepted = await server.getConnection();
    await client.sendData(clientSide.int(42));
    assert.equal((await accepted.getMessage()).number(), 42);
    await accepted.sendData('forty-two');
    assert.equal((await client.getMessage()).text(), 'forty-two');
    await client.close();
  }
  await server.closeServer();
}

/** A link that is cut in the middle of a message, and the next one, which works. */
async function throughTheProxy(serverSide, clientSide) {
  const server = await new serverSide.v2.Server({ port: 0 }).start();
  const plan = (index) => (index === 0 ? { down: { cut: { atByte: 1000, how: 'rst' } } } : {});
  const proxy = await new serverSide.faults.FaultProxy({ target: server.address, plan }).start();
  const { host, port } = proxy.address;
  const client = await new clientSide.v2.Connection({ autoRestart: true }).connect(host, port);
  await (await server.getConnection()).sendData(Buffer.alloc(5000));
  await (await server.getConnection()).sendData('whole');
  assert.equal(await client.getData(), 'whole');
  await client.close();
  await server.closeServer();
  await proxy.close();
}

export async function exchange(serverSide, clientSide) {
  for (const protocol of ['v1', 'v2']) {
    const error = await overOneProtocol(serverSide[protocol], clientSide[protocol]);
    assert.equal(error.code, 'ERR_SERPY_TIMEOUT');
    assert.ok(serverSide.serpy.isSerpyError(error), 'an error of one copy is known to the other');
  }
  await overLines(serverSide.lines, clientSide.lines);
  await overTheFacade(serverSide.serpy, clientSide.serpy);
  await withArrays(serverSide, clientSide);
  await throughTheProxy(serverSide, clientSide);
  console.log('exchanged');
}
