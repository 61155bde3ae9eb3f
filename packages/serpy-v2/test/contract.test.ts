/** v2 does what every connection must do: without a session, also where there is a key. */

import { connectionContract } from 'serpy-contract-tests/contract';
import type { V2 } from 'serpy-v2';
import { v2Subject } from './subject.js';

connectionContract<V2>('v2', v2Subject('off'));
