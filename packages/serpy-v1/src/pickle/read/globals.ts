/**
 * The opcodes by which a pickle names classes and functions and has them called. Here nothing is called: the few
 * calls that CPython writes for plain values and numpy arrays are recognised by name, and their arguments read as data.
 */

import { Op } from '../format/opcodes.js';
import { decodeUtf8 } from '../format/text.js';
import { malformed, opaqueError, printable } from '../format/unreadable-pickle.js';
import type { PickleValue } from '../format/values.js';
import { addTo } from './containers.js';
import { type Handlers, type Machine, PartialValue, type Reducer, type StackValue } from './machine.js';
import { numpyReducers } from './numpy.js';

/** A class or function that was named and is known. */
class Global extends PartialValue {
  readonly what: string;
  readonly reducer: Reducer | undefined;

  constructor(name: string, recipe: Reducer | undefined) {
    super();
    this.what = name;
    this.reducer = recipe;
  }
}

const builtinReducers: ReadonlyArray<readonly [string, Reducer]> = [
  ['bytes', bytesReducer],
  ['bytearray', bytesReducer],
  ['set', setReducer],
  ['frozenset', setReducer],
];

/** By module, space and name. Protocols 0 to 2 have Python 2's names of modules. */
const known: ReadonlyMap<string, Reducer | undefined> = new Map<string, Reducer | undefined>([
  ...builtinReducers.map(([name, recipe]) => [`builtins ${name}`, recipe] as const),
  ...builtinReducers.map(([name, recipe]) => [`__builtin__ ${name}`, recipe] as const),
  ['_codecs encode', encodeReducer],
  ...numpyReducers,
  // Let through, to be refused at the class that the call is to make: that is the name which tells something.
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
  [Op.PERSID, refusePersistentId],
  [Op.BINPERSID, refusePersistentId],
  [Op.EXT1, refuseExtension],
  [Op.EXT2, refuseExtension],
  [Op.EXT4, refuseExtension],
  [Op.NEXT_BUFFER, refuseOutOfBand],
  [Op.READONLY_BUFFER, refuseOutOfBand],
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
      `names ${path}, and only plain data and numpy arrays are read: have the sender turn it into numbers, strings, bytes, lists or dicts`,
    );
  }
  machine.push(new Global(path, known.get(key)));
}

function pushStackGlobal(machine: Machine): void {
  const name = machine.pop();
  const module = machine.pop();
  if (typeof name !== 'string' || typeof module !== 'string') throw malformed('it names a class by what is no text');
  pushGlobal(machine, module, name);
}

function reduce(machine: Machine): void {
  const args = machine.pop();
  const callee = machine.pop();
  if (!Array.isArray(args)) throw malformed('it calls with arguments that are no tuple');
  if (!(callee instanceof Global)) throw malformed('it calls what is no function');
  if (callee.reducer === undefined) throw unreadableCall(callee.what);
  machine.push(callee.reducer(args, machine));
}

function build(machine: Machine): void {
  const state = machine.pop();
  const target = machine.pop();
  if (!(target instanceof PartialValue))
    throw opaqueError('gives a state to plain data, which has none: send plain values');
  machine.push(target.build(state, machine));
}

function makeNamedInstance(machine: Machine): never {
  pushGlobalLines(machine);
  makeInstance();
}

function makeInstance(): never {
  throw opaqueError(
    'makes an instance of a class: have the sender turn it into numbers, strings, bytes, lists or dicts',
  );
}

function refusePersistentId(): never {
  throw opaqueError('refers to an object outside of it by a persistent id: have the sender put the data itself in it');
}

function refuseExtension(): never {
  throw opaqueError("refers to a class by Python's extension registry: have the sender turn it into plain data");
}

function refuseOutOfBand(): never {
  throw opaqueError('keeps data in buffers outside of it: have the sender pickle without a buffer_callback');
}

function unreadableCall(what: string) {
  return opaqueError(`calls ${what} in a way that plain data does not need: have the sender turn it into plain data`);
}

/** `_codecs.encode(text, 'latin1')` is how protocols 0 to 2 write bytes. */
function encodeReducer(args: readonly StackValue[], machine: Machine): PickleValue {
  const [text, encoding, ...rest] = args;
  if (typeof text !== 'string' || !isLatin1(encoding) || rest.length > 0) throw unreadableCall('_codecs.encode');
  const bytes = machine.latin1(text);
  if (bytes === undefined) throw malformed('bytes in it are written as a text with characters above U+00FF');
  return bytes;
}

/** No argument: empty bytes of protocols 0 to 2. Bytes, or as Python 2 has it a Latin-1 text: a bytearray. */
function bytesReducer(args: readonly StackValue[], machine: Machine): PickleValue {
  const [content, encoding, ...rest] = args;
  if (args.length === 0) return machine.copy(new Uint8Array(0));
  if (args.length === 1 && Buffer.isBuffer(content)) return content;
  if (typeof content === 'string' && isLatin1(encoding) && rest.length === 0) return encodeReducer(args, machine);
  throw unreadableCall('bytes or bytearray');
}

/** `set([…])` and `frozenset([…])` are how protocols 0 to 3 write sets. */
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
