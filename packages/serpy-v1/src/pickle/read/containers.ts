/** The opcodes that build lists, tuples, dicts and sets, and those that rearrange the stack. */

import { Op } from '../format/opcodes.js';
import { decodeDecimal } from '../format/text.js';
import { malformed } from '../format/unreadable-pickle.js';
import type { PickleValue } from '../format/values.js';
import type { Handlers, Machine, StackValue } from './machine.js';

export const containerHandlers: Handlers = [
  [Op.MARK, (machine) => machine.mark()],
  [Op.POP, (machine) => machine.popAnything()],
  [Op.POP_MARK, (machine) => void machine.popMark()],
  [Op.DUP, (machine) => machine.push(machine.top())],

  [Op.MEMOIZE, (machine) => machine.memoize()],
  [Op.PUT, (machine) => machine.memoize(memoIndex(machine.source.line()))],
  [Op.BINPUT, (machine) => machine.memoize(machine.source.uint8())],
  [Op.LONG_BINPUT, (machine) => machine.memoize(machine.source.uint32())],
  [Op.GET, (machine) => machine.recall(memoIndex(machine.source.line()))],
  [Op.BINGET, (machine) => machine.recall(machine.source.uint8())],
  [Op.LONG_BINGET, (machine) => machine.recall(machine.source.uint32())],

  [Op.EMPTY_LIST, (machine) => machine.push([])],
  [Op.LIST, (machine) => machine.push(values(machine.popMark()))],
  [Op.APPEND, (machine) => append(machine, [machine.pop()])],
  [Op.APPENDS, (machine) => append(machine, machine.popMark())],

  [Op.EMPTY_TUPLE, (machine) => machine.push([])],
  [Op.TUPLE, (machine) => machine.push(values(machine.popMark()))],
  [Op.TUPLE1, (machine) => pushTuple(machine, 1)],
  [Op.TUPLE2, (machine) => pushTuple(machine, 2)],
  [Op.TUPLE3, (machine) => pushTuple(machine, 3)],

  [Op.EMPTY_DICT, (machine) => machine.push(new Map())],
  [Op.DICT, pushDict],
  [Op.SETITEM, setItem],
  [Op.SETITEMS, (machine) => setItems(machine, machine.popMark())],

  [Op.EMPTY_SET, (machine) => machine.push(new Set())],
  [Op.FROZENSET, pushFrozenSet],
  [Op.ADDITEMS, addItems],
];

/** What is unfinished among the values is found when the whole is: see finish.ts. */
function values(items: StackValue[]): PickleValue[] {
  return items as PickleValue[];
}

function memoIndex(line: Buffer): number {
  const index = Number(decodeDecimal(line));
  if (index < 0) throw malformed('it uses a negative memo index');
  return index;
}

function append(machine: Machine, items: StackValue[]): void {
  const list = machine.top();
  if (!Array.isArray(list)) throw malformed('it appends to a value that is not a list');
  for (const item of values(items)) list.push(item);
}

function pushTuple(machine: Machine, length: 1 | 2 | 3): void {
  const items: StackValue[] = [];
  for (let count = 0; count < length; count++) items.push(machine.pop());
  machine.push(values(items.reverse()));
}

function pushDict(machine: Machine): void {
  const items = machine.popMark();
  machine.push(new Map());
  setItems(machine, items);
}

function setItem(machine: Machine): void {
  const value = machine.pop();
  const key = machine.pop();
  setItems(machine, [key, value]);
}

function setItems(machine: Machine, items: StackValue[]): void {
  const dict = machine.top();
  if (!(dict instanceof Map)) throw malformed('it sets an item of a value that is not a dict');
  if (items.length % 2 !== 0) throw malformed('it holds a dict with a key without a value');
  const spread = machine.keySpread(dict);
  for (let at = 0; at < items.length; at += 2) {
    const key = items[at] as PickleValue;
    dict.set(key, items[at + 1] as PickleValue);
    spread.added(dict, key);
  }
}

function pushFrozenSet(machine: Machine): void {
  const items = machine.popMark();
  const set = new Set<PickleValue>();
  addTo(machine, set, items);
  machine.push(set);
}

function addItems(machine: Machine): void {
  const items = machine.popMark();
  const set = machine.top();
  if (!(set instanceof Set)) throw malformed('it adds an item to a value that is not a set');
  addTo(machine, set, items);
}

/** Adds members to a set. */
export function addTo(machine: Machine, set: Set<PickleValue>, items: readonly StackValue[]): void {
  const spread = machine.keySpread(set);
  for (const item of items as readonly PickleValue[]) {
    set.add(item);
    spread.added(set, item);
  }
}
