// The packages in an ES module.
import * as serpy from 'serpy';
import * as arrays from 'serpy-arrays';
import * as faults from 'serpy-fault-proxy';
import * as lines from 'serpy-lines';
import * as v1 from 'serpy-v1';
import * as v2 from 'serpy-v2';
import { exchange } from './exchange.mjs';

const imported = { serpy, v1, v2, lines, faults, arrays };
await exchange(imported, imported);
