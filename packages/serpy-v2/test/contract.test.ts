/** v2 does what every connection must do: without a session, also where there is a key. */
import type { V2 } from 'serpy-v2';
import { connectionContract } from '../../core/src/testing/contract.js';
import { v2Subject } from './subject.js';

connectionContract<V2>('v2', v2Subject('off'));
