/** The checks of this computer, in the order in which they are run. */
import type { Check } from './check.js';
import { localhostCheck, loopback4Check, loopback6Check } from './loopback.js';
import { nodeCheck } from './node.js';
import { listenCheck, portCheck } from './ports.js';
import { protocolChecks } from './protocols.js';
import { numpyCheck, pythonCheck } from './python.js';
import { slowReaderCheck } from './slow-reader.js';
import { volumeChecks } from './volume.js';

/** @param port that is to be free; one that nobody has asked for is only a warning when it is not */
export function computerChecks(port: { readonly number: number; readonly asked: boolean }): readonly Check[] {
  return [
    nodeCheck,
    listenCheck,
    portCheck(port.number, port.asked),
    loopback4Check,
    loopback6Check,
    localhostCheck,
    ...protocolChecks,
    slowReaderCheck, // before the large messages, whose memory it would otherwise be given
    ...volumeChecks,
    pythonCheck,
    numpyCheck,
  ];
}
