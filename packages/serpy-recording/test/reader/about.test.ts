/** What senders said about their messages, in a recording. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeNpy } from 'serpy-arrays';
import { createRecording, openRecording, verifyRecording } from 'serpy-recording';
import { afterEach, beforeEach, expect, test } from 'vitest';

let place = '';
let folder = '';
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'serpy-about-'));
  folder = join(place, 'run');
});
afterEach(() => rmSync(place, { recursive: true }));

const about = { name: 'camera "2"', unit: 'counts', axes: ['y', 'x'] };
const image = encodeNpy({ data: Uint16Array.of(1, 2, 3, 4), shape: [2, 2] });

function record(options = {}): number {
  const recording = createRecording(folder, options);
  recording.add({ type: 'bytes', value: image, about });
  recording.add({ type: 'float', value: 21.5, about: { unit: 'K' } });
  recording.add({ type: 'bytes', value: Buffer.from('raw'), about: { name: 'spectrum' } });
  recording.add({ type: 'bytes', value: image });
  recording.close();
  return recording.bytes;
}

test('each message has its metadata again, and the recording is complete and unaltered', async () => {
  record();
  const messages = [...openRecording(folder).messages()];
  expect(messages.map((each) => each.about)).toEqual([about, { unit: 'K' }, { name: 'spectrum' }, undefined]);
  expect('about' in (messages[3] as object)).toBe(false);
  expect(await verifyRecording(folder)).toMatchObject({ messages: 4, problems: [] });
});

test('only the index has them: lines of values are as before, and a line without them too', () => {
  record();
  const values = readFileSync(join(folder, 'values.jsonl'), 'utf8');
  expect(values).not.toContain('about');
  const lines = readFileSync(join(folder, 'index.jsonl'), 'utf8').trim().split('\n');
  expect(lines.map((line) => 'about' in JSON.parse(line))).toEqual([true, true, true, false, false]);
});

test('metadata that were changed are found', async () => {
  record();
  const path = join(folder, 'index.jsonl');
  writeFileSync(path, readFileSync(path, 'utf8').replace('"unit":"K"', '"unit":"C"'));
  const { problems } = await verifyRecording(folder);
  expect(problems).not.toEqual([]);
});

test('what is not legal is not recorded, and not read', () => {
  const recording = createRecording(folder);
  for (const given of [null, 7, { unit: 'x'.repeat(1e6) }, { unit: '\x1b[2J' }, { axes: 'yx' }, { units: 'K' }])
    recording.add({ type: 'int', value: 1, about: given as never });
  recording.close();
  const path = join(folder, 'index.jsonl');
  const text = readFileSync(path, 'utf8');
  expect(text).not.toContain('about');
  for (const given of ['7', '{"unit":"\\u001b"}', '{"unit":7}', '[]', '{"__proto__":{"unit":"K"}}']) {
    writeFileSync(path, text.replace('"type":"int"', `"type":"int","about":${given}`));
    expect([...openRecording(folder).messages()].map((each) => each.about)).toEqual(Array(6).fill(undefined));
  }
});

test('the longest metadata count in the size of the folder', () => {
  const text = '"'.repeat(64);
  const most = { name: text, unit: text, axes: Array.from({ length: 32 }, () => text) };
  for (const maxBytes of [9000, 12_000, 16_000, 20_000, 30_000]) {
    const recording = createRecording(join(place, String(maxBytes)), { maxBytes });
    while (recording.add({ type: 'bytes', value: image, about: most }));
    recording.close();
    expect(recording.bytes).toBeLessThanOrEqual(maxBytes);
  }
});
