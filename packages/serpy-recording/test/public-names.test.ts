/** The public names: they change on purpose or not at all. */
import * as recording from 'serpy-recording';
import { expect, test } from 'vitest';

test('serpy-recording exports just these values', () => {
  expect(Object.keys(recording).sort()).toEqual([
    'OmittedValue',
    'RecordedArray',
    'Recording',
    'RecordingError',
    'createRecording',
    'isEvent',
    'isOpaque',
    'isPickledArray',
    'jsonLine',
    'markRecording',
    'npyOf',
    'openRecording',
    'recordConnection',
    'recordMessage',
    'systemDisk',
    'verifyRecording',
    'watchConnection',
  ]);
});
