/** Tests skip where a browser or a module of Python is missing. Where a run promises that all are there, this fails instead. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import {
  mosquittoPath,
  mosquittoSubPath,
  natsPath,
  noMosquitto,
  noMosquittoSub,
  noNats,
} from '../packages/serpy-bridge/test/brokers.js';
import { browserPath, noBrowser } from '../packages/serpy-view/test/browser/browser.js';

const modules = ['numpy', 'h5py', 'zarr', 'tifffile'];

/** Whether one of the Pythons that tests try has the module. */
function hasModule(name: string): boolean {
  return ['python3', '/usr/bin/python3'].some((python) => spawnSync(python, ['-c', `import ${name}`]).status === 0);
}

test.skipIf(!process.env.REQUIRE_TEST_TOOLS)('a run with REQUIRE_TEST_TOOLS skips no test for want of a tool', () => {
  expect(browserPath, noBrowser).toBeDefined();
  expect(mosquittoPath, noMosquitto).toBeDefined();
  expect(mosquittoSubPath, noMosquittoSub).toBeDefined();
  expect(natsPath, noNats).toBeDefined();
  expect(modules.filter((name) => !hasModule(name))).toEqual([]);
});
