/**
 * The opcodes by which a pickle names and calls classes and functions. Nothing is called here: the few calls that CPython writes for plain
 * values and numpy arrays are recognized by name, and their arguments are read as data.
 */

import { Op } from '../format/opcodes.js';
import { decodeUtf8 } from '../format/text.js';
import { malformed, opaqueError, printable } from '../format/unreadable-pickle.js';
import type { PickleValue } from '../format/values.js';
import { addTo } from './containers.js';
import { type Handlers, type Machine, PartialValue, type Reducer, type StackValue } from './machine.js';
import { numpyReducers } from './numpy.js';

/** A known class or function that the pickle named. */
class Global extends PartialValue {
  readonly what: string;
  readonly reducer: Reducer | undefined;

  constructor(name: string, reducer: Reducer | undefined) {
    super();
    this.what = name;
    this.reducer = reducer;
  }
}

const builtinReducers: ReadonlyArray<readonly [string, Reducer]> = [
  ['bytes', bytesReducer],
  ['bytearray', bytesReducer],
  ['set', setReducer],
  ['frozenset', setReducer],
];

/** By module, space and name. Protocols 0 to 2 use the module names of Python 2. */
const known: ReadonlyMap<string, Reducer | undefined> = new Map<string, Reducer | undefined>([
  ...builtinReducers.map(([name, reducer]) => [`builtins ${name}`, reducer] as const),
  ...builtinReducers.map(([name, reducer]) => [`__builtin__ ${name}`, reducer] as const),
  ['_codecs encode', encodeReducer],
  ...numpyReducers,
  // Accepted here. The reader then rejects the class that the call creates, whose name is more useful in the error.
  ['copyreg _reconstructor', undefined],
  ['copy_reg _reconstructor', undefined],
]);

export const globalHandlers: Handlers = [
  [Op.GLOBAL, pushGlobalLines],
  [Op.STACK_GLOBAL, pushStackGlobal],
  [Op.REDUCE, reduce],
  [Op.BUILD, build],
  [Op.INST, makeNamedInstance],
  [Op.OBJ, makeInstance],
  [Op.NEWOBJ, makeInstance],
  [Op.NEWOBJ_EX, makeInstance],
  [Op.PERSID, rejectPersistentId],
  [Op.BINPERSID, rejectPersistentId],
  [Op.EXT1, rejectExtension],
  [Op.EXT2, rejectExtension],
  [Op.EXT4, rejectExtension],
  [Op.NEXT_BUFFER, rejectOutOfBand],
  [Op.READONLY_BUFFER, rejectOutOfBand],
];

function pushGlobalLines(machine: Machine): void {
  const module = decodeUtf8(machine.source.line());
  const name = decodeUtf8(machine.source.line());
  pushGlobal(machine, module, name);
}

function pushGlobal(machine: Machine, module: string, name: string): void {
  const key = `${module} ${name}`;
  const path = printable(`${module}.${name}`);
  if (!known.has(key)) {
    throw opaqueError(
      `names ${path}, but serpy reads only plain data and numpy arrays. Convert it into numbers, strings, bytes, lists or dicts at the sender`,
    );
  }
  machine.push(new Global(path, known.get(key)));
}

function pushStackGlobal(machine: Machine): void {
  const name = machine.pop();
  const module = machine.pop();
  if (typeof name !== 'string' || typeof module !== 'string')
    throw malformed('it names a class by a value that is not text');
  pushGlobal(machine, module, name);
}

function reduce(machine: Machine): void {
  const args = machine.pop();
  const callee = machine.pop();
  if (!Array.isArray(args)) throw malformed('it calls a function with arguments that are not a tuple');
  if (!(callee instanceof Global)) throw malformed('it calls a value that is not a function');
  if (callee.reducer === undefined) throw unreadableCall(callee.what);
  machine.push(callee.reducer(args, machine));
}

function build(machine: Machine): void {
  const state = machine.pop();
  const target = machine.pop();
  if (!(target instanceof PartialValue))
    throw opaqueError('sets the state of plain data, which has none. Send plain values');
  machine.push(target.build(state, machine));
}

function makeNamedInstance(machine: Machine): never {
  pushGlobalLines(machine);
  makeInstance();
}

function makeInstance(): never {
  throw opaqueError(
    'creates an instance of a class. Convert it into numbers, strings, bytes, lists or dicts at the sender',
  );
}

function rejectPersistentId(): never {
  throw opaqueError('refers to an external object by a persistent id. Send the data itself');
}

function rejectExtension(): never {
  throw opaqueError("refers to a class by Python's extension registry. Convert it into plain data at the sender");
}

function rejectOutOfBand(): never {
  throw opaqueError('keeps data in external buffers. Pickle without a buffer_callback at the sender');
}

function unreadableCall(what: string) {
  return opaqueError(`calls ${what} in a way that plain data does not need. Convert it into plain data at the sender`);
}

/** Reads `_codecs.encode(text, 'latin1')`, with which protocols 0 to 2 write bytes. */
function encodeReducer(args: readonly StackValue[], machine: Machine): PickleValue {
  const [text, encoding, ...rest] = args;
  if (typeof text !== 'string' || !isLatin1(encoding) || rest.length > 0) throw unreadableCall('_codecs.encode');
  const bytes = machine.latin1(text);
  if (bytes === undefined) throw malformed('it writes bytes as a text with characters above U+00FF');
  return bytes;
}

/** Reads bytes and bytearrays. No argument: empty bytes of protocols 0 to 2. Bytes, or a Latin-1 text of Python 2: a bytearray. */
function bytesReducer(args: readonly StackValue[], machine: Machine): PickleValue {
  const [content, encoding, ...rest] = args;
  if (args.length === 0) return machine.copy(new Uint8Array(0));
  if (args.length === 1 && Buffer.isBuffer(content)) return content;
  if (typeof content === 'string' && isLatin1(encoding) && rest.length === 0) return encodeReducer(args, machine);
  throw unreadableCall('bytes or bytearray');
}

/** Reads `set([…])` and `frozenset([…])`, with which protocols 0 to 3 write sets. */
function setReducer(args: readonly StackValue[], machine: Machine): PickleValue {
  const [items, ...rest] = args;
  if (args.length === 0) return new Set();
  if (!Array.isArray(items) || rest.length > 0) throw unreadableCall('set or frozenset');
  machine.spendItems(items.length);
  const set = new Set<PickleValue>();
  addTo(machine, set, items);
  return set;
}

function isLatin1(encoding: StackValue | undefined): boolean {
  return encoding === 'latin1' || encoding === 'latin-1';
}
