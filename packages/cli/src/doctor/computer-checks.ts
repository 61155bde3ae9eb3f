/** The checks of this computer, in the order in which they are run. */
import type { Check } from './checks/check.js';
import { localhostCheck, loopback4Check, loopback6Check } from './checks/loopback.js';
import { nodeCheck } from './checks/node.js';
import { listenCheck, portCheck } from './checks/ports.js';
import { protocolChecks } from './checks/protocols.js';
import { numpyCheck, pythonCheck } from './checks/python.js';
import { slowReaderCheck } from './checks/slow-reader.js';
import { volumeChecks } from './checks/volume.js';

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
