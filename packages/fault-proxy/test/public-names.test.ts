import * as faultProxy from 'serpy-fault-proxy';
import { expect, test } from 'vitest';

// Adding or removing a name here is a decision, not an accident.
test('serpy-fault-proxy exports exactly these values', () => {
  expect(Object.keys(faultProxy).sort()).toMatchInlineSnapshot(`
    [
      "FaultProxy",
      "FaultProxyError",
      "v1Blocks",
      "v2Frames",
    ]
  `);
});
