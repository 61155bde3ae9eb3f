/**
 * The part of MATLAB that the pages need: programs are translated line by line, and run with replacements of its functions.
 * A matrix with commas, a call and a string look the same in both languages.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A row of numbers, of characters, or of the rows in its brackets. */
type Row = number | bigint | string | readonly Row[];

function flat(row: Row): (number | bigint)[] {
  if (typeof row === 'string') return [...row].map((character) => character.charCodeAt(0));
  return Array.isArray(row) ? row.flatMap(flat) : [row as number | bigint];
}

const numbers = (row: Row) => flat(row).map(Number);
const text = (row: Row) => (typeof row === 'string' ? row : String.fromCharCode(...numbers(row)));

/** The memory layout of the numbers of a class. */
const memory = {
  uint8: (row: Row) => Uint8Array.from(numbers(row)),
  uint32: (row: Row) => Uint32Array.from(numbers(row)),
  int64: (row: Row) => BigInt64Array.from(flat(row).map(BigInt)),
  single: (row: Row) => Float32Array.from(numbers(row)),
};
type Class = keyof typeof memory;

/** A row with its class, which `typecast` needs. */
function classed(name: Class) {
  return (row: Row) => Object.assign([...memory[name](row)] as (number | bigint)[], { class: name });
}

function typecast(row: Row & { class?: Class }, name: Class) {
  const { buffer } = memory[row.class ?? 'uint8'](row);
  const cast = { uint8: Uint8Array, uint32: Uint32Array, int64: BigInt64Array, single: Float32Array }[name];
  return classed(name)([...new cast(buffer)] as Row[]);
}

function assert(condition: boolean, message: string): void {
  if (!condition) throw new Error(message);
}

const functions = {
  typecast,
  assert,
  uint8: classed('uint8'),
  uint32: classed('uint32'),
  int64: classed('int64'),
  single: classed('single'),
  double: numbers,
  sum: (row: Row) => numbers(row).reduce((sum, value) => sum + value, 0),
  mod: (value: number, by: number) => value % by,
  numel: (row: Row) => (typeof row === 'string' ? row.length : flat(row).length),
  isequal: (a: Row, b: Row) => JSON.stringify(numbers(a)) === JSON.stringify(numbers(b)),
  char: text,
  unicode2native: (row: Row) => classed('uint8')([...Buffer.from(text(row), 'utf8')]),
  native2unicode: (row: Row) => Buffer.from(numbers(row)).toString('utf8'),
  num2str: (value: number, digits: number) => String(Number(value.toPrecision(digits))),
  str2double: (row: Row) => Number(text(row)),
  hex2dec: (row: Row) => Number.parseInt(Array.isArray(row) ? row.map(text).join('') : text(row), 16),
  part: (row: Row, from: number, to = from) => classed('uint8')(flat(row).slice(from - 1, to)),
  regexp: (row: Row, pattern: string) => new RegExp(pattern).exec(text(row))?.slice(1) ?? [],
};

/** The replacements of MATLAB's `tcpclient`, `read` and `write`. `close` closes the socket. */
export function instruments() {
  const sockets: Socket[] = [];
  return {
    async tcpclient(host: string, port: number): Promise<Socket> {
      const socket = connect(port, host);
      sockets.push(socket);
      await once(socket, 'connect');
      return socket;
    },
    write(socket: Socket, row: Row): void {
      socket.write(memory.uint8(row));
    },
    async read(socket: Socket, count: number, name: Class = 'uint8'): Promise<Row> {
      const size = count * memory[name]([]).BYTES_PER_ELEMENT;
      for (;;) {
        const bytes: Buffer | null = socket.read(size);
        if (bytes) return typecast(classed('uint8')([...bytes]), name);
        await once(socket, 'readable');
      }
    },
    close(): void {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Translates a program to JavaScript. */
function translated(program: string): string {
  return program
    .replaceAll(/\.\.\.\n\s*/g, '')
    .replaceAll('\\', '\\\\')
    .replaceAll(/@\(([^)]*)\)/g, '($1) =>')
    .replaceAll(/\b(read|tcpclient)\(/g, 'await $1(')
    .replaceAll(/\{(\d+)\}/g, (_, index) => `[${Number(index) - 1}]`)
    .replaceAll('^', '**')
    .replaceAll(/\bheader\((\d+)\)/g, 'part(header, $1)[0]')
    .replaceAll(/\bheader\((\d+):(\d+)\)/g, 'part(header, $1, $2)')
    .replaceAll('~', '!')
    .replaceAll(/^\s*(if|while) (.+)$/gm, '$1 ($2) {')
    .replaceAll(/^\s*end$/gm, '}');
}

const AsyncFunction = (async () => {}).constructor as new (
  ...args: string[]
) => (...args: unknown[]) => Promise<unknown>;

/** Runs a program and resolves with the value of an expression after it. */
export function runMatlab(program: string, expression: string, given: object = {}): Promise<unknown> {
  const names = { ...functions, ...given };
  const code = translated(program);
  const assigned = new Set([...code.matchAll(/^\s*(\w+) = /gm)].map(([, name]) => name));
  const body = `${[...assigned].map((name) => `let ${name};`).join(' ')}\n${code}\nreturn ${translated(expression)};`;
  return new AsyncFunction(...Object.keys(names), body)(...Object.values(names));
}
