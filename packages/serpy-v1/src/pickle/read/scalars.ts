/** The opcodes that push a number, a text or bytes. */

import { constants } from 'node:buffer';
import { decodeLong, MAX_INT_BYTES, narrow } from '../format/long.js';
import { Op } from '../format/opcodes.js';
import { decodeDecimal, decodeFloat, decodeQuoted, decodeRawUnicodeEscape, decodeUtf8 } from '../format/text.js';
import { malformed, opaqueError } from '../format/unreadable-pickle.js';
import type { Handlers, Machine } from './machine.js';

export const scalarHandlers: Handlers = [
  [Op.NONE, (machine) => machine.push(null)],
  [Op.NEWTRUE, (machine) => machine.push(true)],
  [Op.NEWFALSE, (machine) => machine.push(false)],

  [Op.BININT1, (machine) => machine.push(machine.source.uint8())],
  [Op.BININT2, (machine) => machine.push(machine.source.uint16())],
  [Op.BININT, (machine) => machine.push(machine.source.int32())],
  [Op.INT, (machine) => machine.push(readInt(machine.source.line()))],
  [Op.LONG, (machine) => machine.push(readLong(machine.source.line()))],
  [Op.LONG1, (machine) => pushLong(machine, machine.source.uint8())],
  [Op.LONG4, (machine) => pushLong(machine, signedLength(machine))],
  [Op.BINFLOAT, (machine) => machine.push(machine.source.float64())],
  [Op.FLOAT, (machine) => machine.push(decodeFloat(machine.source.line()))],

  [Op.SHORT_BINUNICODE, (machine) => pushUtf8(machine, machine.source.uint8())],
  [Op.BINUNICODE, (machine) => pushUtf8(machine, machine.source.uint32())],
  [Op.BINUNICODE8, (machine) => pushUtf8(machine, machine.source.uint64())],
  [Op.UNICODE, (machine) => pushLine(machine, decodeRawUnicodeEscape)],

  // A str of Python 2 may be text or bytes. One character per byte preserves both.
  [Op.SHORT_BINSTRING, (machine) => pushLatin1(machine, machine.source.uint8())],
  [Op.BINSTRING, (machine) => pushLatin1(machine, signedLength(machine))],
  [Op.STRING, (machine) => pushLine(machine, decodeQuoted)],

  [Op.SHORT_BINBYTES, (machine) => pushBytes(machine, machine.source.uint8())],
  [Op.BINBYTES, (machine) => pushBytes(machine, machine.source.uint32())],
  [Op.BINBYTES8, (machine) => pushBytes(machine, machine.source.uint64())],
  [Op.BYTEARRAY8, (machine) => pushBytes(machine, machine.source.uint64())],
];

/** Reads an int. Protocols 0 and 1 write bools as ints of two digits. */
function readInt(line: Buffer): boolean | number | bigint {
  const text = line.length === 2 ? line.toString('latin1') : '';
  if (text === '00') return false;
  if (text === '01') return true;
  return narrow(decodeDecimal(line));
}

function readLong(line: Buffer): number | bigint {
  const suffix = line.at(-1) === 0x4c ? 1 : 0;
  return narrow(decodeDecimal(line.subarray(0, line.length - suffix)));
}

function pushLong(machine: Machine, length: number): void {
  const bytes = machine.source.take(length);
  if (length > MAX_INT_BYTES) throw opaqueError(`holds an int of ${length} bytes. Send it as bytes`);
  machine.spendBytes(length);
  machine.push(decodeLong(bytes));
}

/** Reads the signed length of LONG4 and BINSTRING. */
function signedLength(machine: Machine): number {
  const length = machine.source.int32();
  if (length < 0) throw malformed(`it states a length of ${length} before byte ${machine.source.position}`);
  return length;
}

function pushUtf8(machine: Machine, length: number): void {
  machine.push(decodeUtf8(textBytes(machine, machine.source.take(length))));
}

function pushLatin1(machine: Machine, length: number): void {
  machine.push(textBytes(machine, machine.source.take(length)).toString('latin1'));
}

function pushLine(machine: Machine, decode: (line: Buffer) => string): void {
  machine.push(decode(textBytes(machine, machine.source.line())));
}

function textBytes(machine: Machine, bytes: Buffer): Buffer {
  if (bytes.length > constants.MAX_STRING_LENGTH) {
    throw opaqueError(`holds a text of ${bytes.length} bytes, which is too long for a string. Send it as bytes`);
  }
  machine.spendBytes(bytes.length);
  return bytes;
}

function pushBytes(machine: Machine, length: number): void {
  machine.push(machine.copy(machine.source.take(length)));
}
