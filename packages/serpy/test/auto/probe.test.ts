import { expect, test } from 'vitest';
import { probe, probeBlockBytes, probeFill, v1Answer, v1AnswerBytes, v2Answer, v2Magic } from '../../src/auto/probe.js';

test('the bytes of the detection are those of the protocol pages', () => {
  expect(probe.toString('latin1')).toBe('\x01SETMODE0\x1f\x1f\x1f\x1f\x1f');
  expect(probe.subarray(0, probeBlockBytes).toString('latin1')).toBe('\x01SETMODE0\x1f');
  expect(probeFill.toString('latin1')).toBe('\x1f\x1f\x1f\x1f');
  expect(v1Answer.toString('latin1')).toBe('\x01ACKMODCG\x1f');
  expect(v1AnswerBytes).toBe(9);
  expect(v2Magic.toString('hex')).toBe('decafecafe');
  expect(v2Answer.toString('hex')).toBe('decafecafe81ffffffff00000000');
});
