import * as faultProxy from 'serpy-fault-proxy';
import { expect, test } from 'vitest';

// A name that is added or lost here is a decision, not an accident.
test('serpy-fault-proxy exports just these values', () => {
  expect(Object.keys(faultProxy).sort()).toMatchInlineSnapshot(`
    [
      "FaultProxy",
      "FaultProxyError",
      "v1Blocks",
      "v2Frames",
    ]
  `);
});
