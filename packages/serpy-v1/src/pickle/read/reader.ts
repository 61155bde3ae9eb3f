/** Reads pickles of protocols 0 to 5 as data. It imports and calls nothing that a pickle names. */

import { type PickleLimits, pickleLimits } from '../format/limits.js';
import { Op } from '../format/opcodes.js';
import { malformed, opaqueError, UnreadablePickle } from '../format/unreadable-pickle.js';
import type { PickleResult, PickleValue } from '../format/values.js';
import { containerHandlers } from './containers.js';
import { globalHandlers } from './globals.js';
import { type Handler, Machine } from './machine.js';
import { scalarHandlers } from './scalars.js';
import { PickleSource } from './source.js';
import { validateResult } from './validate-result.js';

const HIGHEST_PROTOCOL = 5;

/** Indexed by opcode: one look-up is faster than a chain of comparisons. */
const handlers: ReadonlyArray<Handler | undefined> = handlerTable();

/**
 * Reads one pickle. The bytes of a peer never make it throw: a pickle that is corrupted, exceeds the limits, or holds anything but plain
 * data and numpy arrays is reported as `ok: false` with the reason. Bytes after the end are ignored, as in CPython. Data is copied once out
 * of `bytes`, which the caller may reuse afterwards.
 * @throws `ERR_SERPY_OPTION` for invalid limits
 */
export function readPickle(bytes: Uint8Array, limits?: Partial<PickleLimits>): PickleResult {
  const checked = pickleLimits(limits);
  try {
    return { ok: true, value: read(new PickleSource(bytes), checked) };
  } catch (error) {
    if (error instanceof UnreadablePickle) return { ok: false, reason: error.message, malformed: error.malformedError };
    throw error;
  }
}

function read(source: PickleSource, limits: PickleLimits): PickleValue {
  const machine = new Machine(source, limits);
  for (;;) {
    const opcode = source.uint8();
    if (opcode === Op.STOP) return validateResult(machine.pop(), limits, source.length);
    const handler = handlers[opcode];
    if (handler === undefined) {
      throw malformed(
        `byte ${source.position - 1} is 0x${opcode.toString(16).padStart(2, '0')}, which is not an opcode`,
      );
    }
    handler(machine);
  }
}

function handlerTable(): Array<Handler | undefined> {
  const table = new Array<Handler | undefined>(0x100).fill(undefined);
  for (const [opcode, handler] of [...scalarHandlers, ...containerHandlers, ...globalHandlers]) table[opcode] = handler;
  table[Op.PROTO] = expectProtocol;
  table[Op.FRAME] = expectFrame;
  return table;
}

function expectProtocol({ source }: Machine): void {
  const protocol = source.uint8();
  if (protocol <= HIGHEST_PROTOCOL) return;
  throw opaqueError(`is of protocol ${protocol}. Use a protocol from 0 to ${HIGHEST_PROTOCOL} at the sender`);
}

/** A frame states how many bytes to read ahead. All bytes are in memory already. */
function expectFrame({ source }: Machine): void {
  source.expect(source.uint64());
}
