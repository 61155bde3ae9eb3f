/** v2 after a handshake does what every connection must do. */
import type { V2 } from 'serpy-v2';
import { connectionContract } from '../../../core/src/testing/contract.js';
import { v2Subject } from '../subject.js';

connectionContract<V2>('v2 after a handshake', v2Subject('prefer'));
