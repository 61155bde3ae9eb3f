/** The checks of this computer, in order. */
import type { Check } from './checks/check.js';
import { localhostCheck, loopback4Check, loopback6Check } from './checks/loopback.js';
import { nodeCheck } from './checks/node.js';
import { listenCheck, portCheck } from './checks/ports.js';
import { protocolChecks } from './checks/protocols.js';
import { numpyCheck, pythonCheck } from './checks/python.js';
import { slowReaderCheck } from './checks/slow-reader.js';
import { volumeChecks } from './checks/volume.js';

/** @param port that must be free. If the user did not request it, a used port is only a warning. */
export function computerChecks(port: { readonly number: number; readonly isRequested: boolean }): readonly Check[] {
  return [
    nodeCheck,
    listenCheck,
    portCheck(port.number, port.isRequested),
    loopback4Check,
    loopback6Check,
    localhostCheck,
    ...protocolChecks,
    slowReaderCheck, // before the large messages: otherwise it would reuse their memory, and measure no growth
    ...volumeChecks,
    pythonCheck,
    numpyCheck,
  ];
}
