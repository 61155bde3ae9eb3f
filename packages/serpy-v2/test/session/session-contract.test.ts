/** v2 after a handshake does what every connection must do. */

import { connectionContract } from 'serpy-contract-tests/contract';
import type { V2 } from 'serpy-v2';
import { v2Subject } from '../subject.js';

connectionContract<V2>('v2 after a handshake', v2Subject('prefer'));
