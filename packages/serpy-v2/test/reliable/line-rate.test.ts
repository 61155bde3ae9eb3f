/** The size of records: limited by the written and the acknowledged bytes of their link, and by its rate. */
import { expect, test } from 'vitest';
import { LineRate } from '../../src/reliable/line-rate.js';

const MiB = 1024 * 1024;

test('records are small at first, and at most an eighth of the acknowledged bytes', () => {
  const rate = new LineRate();
  expect(rate.recordBytes).toBe(512);
  rate.arrived(4096, 1, true);
  expect(rate.recordBytes).toBe(512);
  rate.arrived(8192 - 4096, 2, true);
  expect(rate.recordBytes).toBe(1024);
  rate.arrived(100 * MiB, 3, true);
  expect(rate.recordBytes).toBe(MiB);
});

test('before the first acknowledgement, records are at most a sixteenth of the bytes that were written, and 16 KiB', () => {
  const rate = new LineRate();
  let sentBytes = 0;
  let records = 0;
  for (; sentBytes < MiB; records++) {
    expect(rate.recordBytes).toBe(Math.min(16 * 1024, Math.max(512, Math.floor(sentBytes / 16))));
    sentBytes += rate.recordBytes;
    rate.sent(rate.recordBytes);
  }
  expect(records).toBeLessThan(150);
  rate.arrived(MiB, 1, false);
  expect(rate.recordBytes).toBe(MiB / 8);
});

test('a slow link has short records whatever was written to it', () => {
  const rate = new LineRate();
  rate.sent(512);
  rate.sent(10 * MiB);
  for (let nowMs = 0; nowMs <= 20_000; nowMs += 25) rate.arrived(50, nowMs, false); // 2 kB/s
  expect(rate.recordBytes).toBe(512);
  rate.sent(512);
  expect(rate.recordBytes).toBe(512);
});

test('a record is at most what the link carries in 50 ms', () => {
  const rate = new LineRate();
  for (let nowMs = 0; nowMs <= 20_000; nowMs += 25) rate.arrived(2500, nowMs, false); // 100 kB/s
  expect(rate.recordBytes).toBe(5000);
  const slow = new LineRate();
  for (let nowMs = 0; nowMs <= 100_000; nowMs += 500) slow.arrived(480, nowMs, false); // 960 B/s
  expect(slow.recordBytes).toBe(512);
});

test('a pause of the sender does not lower the measured rate', () => {
  const rate = new LineRate();
  rate.arrived(10 * MiB, 0, true);
  for (let nowMs = 0; nowMs <= 100_000; nowMs += 1000) rate.arrived(64, nowMs, true);
  expect(rate.recordBytes).toBe(MiB);
  rate.arrived(1000, 200_000, false); // it begins again after a long pause
  expect(rate.recordBytes).toBe(MiB);
});
