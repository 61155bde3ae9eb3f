// Both copies in one program: an imported server and a required client. Their classes differ.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import * as serpy from 'serpy';
import * as arrays from 'serpy-arrays';
import * as faults from 'serpy-fault-proxy';
import * as lines from 'serpy-lines';
import * as v1 from 'serpy-v1';
import * as v2 from 'serpy-v2';
import { exchange } from './exchange.mjs';

const require = createRequire(import.meta.url);
const imported = { serpy, v1, v2, lines, faults, arrays };
const required = {
  serpy: require('serpy'),
  v1: require('serpy-v1'),
  v2: require('serpy-v2'),
  lines: require('serpy-lines'),
  faults: require('serpy-fault-proxy'),
  arrays: require('serpy-arrays'),
};

assert.notEqual(imported.v2.Connection, required.v2.Connection);
await exchange(imported, required);
