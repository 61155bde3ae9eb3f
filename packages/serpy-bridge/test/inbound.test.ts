/** Commands and requests from the broker: what is refused before it reaches the instrument. */
import type { PortableConnection } from 'serpy';
import { ManualClock } from 'serpy-core/testing';
import { expect, test } from 'vitest';
import { Inbound } from '../src/inbound.js';
import type { BridgeSettings } from '../src/options.js';

const settings = { name: 'cam', commands: 'lab/cam/set', requests: 'lab/cam/request', requestTimeoutMs: 1000 };

/** An instrument that takes nothing until `proceed`. */
function stuck() {
  const refused: string[] = [];
  let proceed = () => {};
  const free = new Promise<void>((resolve) => {
    proceed = resolve;
  });
  const connection = { protocol: 'v2', isConnected: () => true, sendData: () => free.then(() => true) };
  const inbound = new Inbound(settings as unknown as BridgeSettings, {
    clock: new ManualClock(),
    connection: () => connection as unknown as PortableConnection,
    onRefused: ({ message }) => void refused.push(message),
  });
  const command = (payload: Uint8Array) =>
    inbound.receive({ topic: settings.commands, payload, retained: false, reply: undefined });
  return { inbound, refused, command, proceed };
}

test('at most 100 commands wait for an instrument that takes none; the others are refused', async () => {
  const { inbound, refused, command, proceed } = stuck();
  for (let count = 0; count < 103; count++) command(Buffer.from('go'));
  expect(refused).toHaveLength(3);
  expect(refused[0]).toBe('a command on lab/cam/set was not passed on: 100 others wait for the instrument');
  proceed();
  await inbound.close();
  expect([inbound.commands, inbound.refused]).toEqual([100, 3]);
});

test('a command above 16 MiB is refused', async () => {
  const { inbound, refused, command, proceed } = stuck();
  proceed();
  command(Buffer.alloc(16 * 2 ** 20));
  command(Buffer.alloc(16 * 2 ** 20 + 1));
  await inbound.close();
  expect(refused).toEqual(['a command on lab/cam/set has 16777217 bytes, and the limit is 16777216 bytes']);
  expect(inbound.commands).toBe(1);
});

test('a command that leaves no sooner than 2 s later is dropped: it would come too late', async () => {
  const options: unknown[] = [];
  const refused: string[] = [];
  const sendData = async (_value: unknown, given: unknown) => {
    options.push(given);
    return false; // expired
  };
  const inbound = new Inbound(settings as unknown as BridgeSettings, {
    clock: new ManualClock(),
    connection: () => ({ protocol: 'v2', isConnected: () => true, sendData }) as unknown as PortableConnection,
    onRefused: ({ message }) => void refused.push(message),
  });
  inbound.receive({ topic: settings.commands, payload: Buffer.from('go'), retained: false, reply: undefined });
  await inbound.close();
  expect(options).toEqual([{ expiresMs: 2000 }]);
  expect(refused).toEqual(['a command on lab/cam/set did not reach the instrument within 2 s']);
});
