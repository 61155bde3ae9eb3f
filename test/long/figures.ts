/** Measures the promises of docs/explanation/test-evidence.md one after another. The result is a table with the command for each. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { measureCuts, measureEveryByte } from './cutting.js';
import { measureDoor } from './door.js';
import { type Figure, showFigures, tableOf } from './figure.js';
import { measureFuzz } from './fuzz.js';
import { measureKept, measureUnawaited, measureWaiting } from './held.js';
import { measureHalfOpen, measureResume, measureResumes, measureWeight } from './links.js';
import type { Settings } from './settings.js';
import { eventsPerWorld, measureWorlds } from './simulation.js';
import { measurePartition, measureStopped } from './stopping.js';
import { measureStream } from './stream.js';
import { measureStuckReader } from './stuck-reader.js';

type Measure = (settings: Settings) => Promise<Figure | undefined>;

const number = (value: number) => value.toLocaleString('en-US');

async function worlds(settings: Settings): Promise<Figure> {
  const { worlds, sent, links, failures, seconds } = await measureWorlds(settings);
  return {
    what: `simulated runs of ${eventsPerWorld} events, the rules checked after each event`,
    bound: 'no rule violated, all runs recover',
    measured: `${number(worlds)} worlds, ${number(sent)} messages, ${number(links)} links: ${failures.length} broken, ${Math.round(seconds)} s`,
    ok: failures.length === 0,
    faults: failures.map(({ seed, why }) => `world ${seed}: ${why}`),
  };
}

async function inputs(settings: Settings): Promise<Figure> {
  const rows = await measureFuzz(settings);
  const sum = (name: 'inputs' | 'crashes' | 'hangs') => rows.reduce((total, row) => total + row[name], 0);
  const held = Math.max(...rows.map(({ heldPerByte = 0 }) => heldPerByte));
  const trip = Math.max(...rows.map(({ longestTripMs = 0 }) => longestTripMs));
  return {
    what: 'damaged inputs, and the memory that sessions hold for each byte of them',
    bound: '0 crashes, 0 hangs, valid clients unaffected, ≤ 4 bytes per byte',
    measured: `${number(sum('inputs'))}: ${sum('crashes')} crashes, ${sum('hangs')} hangs, longest valid round trip ${Math.round(trip)} ms, ${held.toFixed(2)} bytes a byte`,
    ok: rows.every(({ failures }) => failures.length === 0),
    faults: rows.flatMap(({ failures }) => failures.map(({ target, why }) => `${target}: ${why}`)),
  };
}

async function stuckReader(settings: Settings): Promise<Figure> {
  const rows = await measureStuckReader(settings);
  return {
    what: 'one stuck reader of 50: p99 of the round trips of the others',
    bound: '≤ 2 times the idle value',
    measured: rows.map(({ protocol, times }) => `${protocol} ${times.toFixed(2)}`).join(', '),
    ok: rows.every(({ times }) => times <= 2),
  };
}

/** Removes the guards of the session one at a time, with a script that works in a copy of the sources. */
export async function guards(): Promise<boolean> {
  console.log('\nguards: each removed in a copy of the sources, and the test that notices');
  try {
    execFileSync(process.execPath, ['scripts/break-guards.mjs'], { stdio: 'inherit' });
    return true;
  } catch {
    return false;
  }
}

/** The measurements by name. The name is also that of a part of the long tests. */
export const measures: Readonly<Record<string, Measure>> = {
  cuts: measureCuts,
  'every-byte-memory': ({ step }) => measureEveryByte('memory', step),
  'every-byte-sockets': ({ step }) => measureEveryByte('sockets', step),
  'every-byte-tls': ({ step }) => measureEveryByte('tls', step),
  worlds,
  inputs,
  'half-open': measureHalfOpen,
  stream: () => measureStream(4.5 * 2 ** 30),
  resume: () => measureResume(201),
  resumes: ({ resumes }) => measureResumes(resumes),
  weight: () => measureWeight(60),
  kept: measureKept,
  waiting: measureWaiting,
  unawaited: measureUnawaited,
  'stuck-reader-ratio': stuckReader,
  door: measureDoor,
  stopped: measureStopped,
  partition: measurePartition,
};

const page = 'docs/explanation/test-evidence.md';

/** The sizes of `npm run figures`: those of the test suite. */
const short = { cuts: 200, worlds: 5_000, inputs: 2_000_000, live: 1_500, rounds: 7 };

/** Runs one measurement at full length. */
export function partOf(name: string): (settings: Settings) => Promise<boolean> {
  return async (settings) => {
    console.log(`\n${name}`);
    const figure = await (measures[name] as Measure)(settings);
    if (figure === undefined) console.log('not possible on this computer');
    return figure === undefined || showFigures([{ ...figure, command: `\`npm run test:long -- ${name}\`` }]);
  };
}

/** Runs all measurements with the sizes of the test suite, or with `--full` those of `npm run test:long`. */
export async function figures(settings: Settings): Promise<boolean> {
  const rows: (Figure & { readonly command: string })[] = [];
  for (const [name, measure] of Object.entries(measures)) {
    const sizes = settings.full ? settings : { ...settings, ...short };
    const startMs = performance.now();
    const figure = await measure(sizes).catch((error) => failure(name, error));
    console.error(`${name}: ${Math.round((performance.now() - startMs) / 1000)} s`);
    if (figure) rows.push({ ...figure, command: `\`npm run test:long -- ${name}\`` });
  }
  if (settings.write) writeTable(tableOf(rows));
  return showFigures(rows);
}

/** A figure that could not be measured. */
function failure(name: string, error: unknown): Figure {
  return { what: name, bound: 'it can be measured', measured: 'no', ok: false, faults: [String(error)] };
}

/** The page contains between these the table of the last run with `--write`. */
function writeTable(table: string): void {
  const text = readFileSync(page, 'utf8');
  writeFileSync(
    page,
    text.replace(/(?<=<!-- figures -->\n)[\s\S]*?(?=<!-- end of figures -->)/, () => `\n${table}\n\n`),
  );
}
