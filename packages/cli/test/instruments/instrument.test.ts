import { connect } from 'serpy';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/environment/system.js';
import { startInstrument } from '../../src/instruments/instrument.js';

const timeoutMs = 10_000;

/** A megabyte that begins with its number. */
function large(n: number): Buffer {
  const bytes = Buffer.alloc(2 ** 20);
  bytes.writeUInt32LE(n);
  return bytes;
}

test('a reader that was slow gets the newest values, and what it missed is counted', async () => {
  const count = 60;
  const instrument = await startInstrument({
    listen: { protocol: 'v2', port: 0 },
    measure: large,
    rate: 500,
    clock: systemClock,
    maxCount: count,
  });
  const connection = await connect({
    autoRestart: false,
    protocol: 'v2',
    port: instrument.address.port,
    receiveQueue: { maxMessages: 1 },
  });
  await instrument.finished; // it did not wait for anybody
  const numbers: number[] = [];
  while (numbers.at(-1) !== count - 1)
    numbers.push((await connection.getMessage({ timeoutMs })).bytes().readUInt32LE());
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  expect(instrument.counts).toEqual({ measured: count, dropped: count - numbers.length, unknown: 0 });
  expect(numbers.length).toBeLessThan(count - 10);
  await instrument.stop();
  await connection.close();
});

test('measures nothing without clients, and continues with the next value', async () => {
  const instrument = await startInstrument({
    listen: { protocol: 'v2', port: 0 },
    measure: (n) => n,
    rate: 1000,
    clock: systemClock,
  });
  const { port } = instrument.address;
  expect(instrument.counts.measured).toBe(0);
  const first = await connect({ autoRestart: false, protocol: 'v2', port });
  expect(await first.getData({ timeoutMs })).toBe(0);
  await first.close();
  while (instrument.size > 0) await new Promise((resolve) => setImmediate(resolve));
  const { measured } = instrument.counts;
  // Long enough for 500 values, if it went on. The last turn, and the first for the next peer, may measure several: what was due by then.
  const restMs = performance.now() + 500;
  while (performance.now() < restMs) await new Promise((resolve) => setImmediate(resolve));
  const rested = instrument.counts.measured;
  expect(rested - measured).toBeLessThan(250);
  const second = await connect({ autoRestart: false, protocol: 'v2', port });
  expect(Number(await second.getData({ timeoutMs })) - rested).toBeLessThan(250);
  await instrument.stop();
  await second.close();
});
