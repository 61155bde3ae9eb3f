/** The fuzz campaign: damaged inputs for everything that reads bytes, with the results as a table. */
import { type CampaignOptions, type Row, runKept, runShare, type Share } from '../fuzz/campaign.js';
import { timedTargets } from '../fuzz/cost-targets.js';
import { type Failure, Inputs } from '../fuzz/inputs.js';
import { keep, readKept } from '../fuzz/kept.js';
import { hostileConnections, liveTargets, materialOf } from '../fuzz/live.js';
import { stumbling } from '../fuzz/stumbling.js';
import { targets } from '../fuzz/targets.js';
import type { Settings } from './settings.js';
import { table } from './table.js';

/** The shares of the targets inside one process. */
const weights: Readonly<Record<string, number>> = {
  v2: 45,
  v1: 20,
  'v2-server-prefer': 4,
  'v2-server-require': 2,
  'v2-client-prefer': 2,
  'v2-client-require': 4,
  'auto-server': 10,
  'auto-client': 8,
  pickle: 12,
  npy: 5,
  base85: 5,
};

/** The share of inputs with measured time: they are large, and one takes as long as a thousand others. */
const timedShare = 1 / 50_000;

const MiB = 2 ** 20;

/** Runs the campaign. @returns a row for each target */
export async function measureFuzz(settings: Settings): Promise<Row[]> {
  const options: CampaignOptions = { ...settings, worker: new URL('./worker.mjs', import.meta.url) };
  const rows: Row[] = [];
  const kept = readKept(settings.kept).filter(({ target }) => target === (settings.target ?? target));
  for (const target of new Set(kept.map((each) => each.target))) {
    const own = kept.filter((each) => each.target === target);
    rows.push(await runKept(target, own, options));
  }
  if (rows.length > 0) rows.splice(0, rows.length, together('kept', rows));
  for (const share of sharesOf(settings)) {
    const key = `inputs of ${share.target}, seed ${settings.seed}, ${share.count}`;
    const run = () => runShare(share, options);
    const row = await settings.progress.once(key, run, ({ failures }) => failures.length === 0);
    rows.push(row);
    console.error(
      `${row.target}: ${row.inputs} inputs in ${Math.round(row.seconds)} s, ${row.failures.length} failures`,
    );
  }
  return rows;
}

/** Runs the campaign, keeps the failures and prints the table. @returns whether there was no failure */
export async function fuzz(settings: Settings): Promise<boolean> {
  console.log(`fuzz: seed ${settings.seed}, ${settings.threads} threads`);
  const rows = await measureFuzz(settings);
  const failures = rows.flatMap((row) => row.failures).flatMap(withInputs);
  keep(settings.kept, failures);
  console.log(show(rows));
  for (const failure of failures) console.log(describe(failure));
  return failures.length === 0;
}

/** Runs one input again in this thread, for a debugger. */
export function replay(name: string, seed: number, index: number): boolean {
  const inputs = new Inputs(targetOf(name), seed);
  const bytes = Buffer.from(inputs.make(index));
  console.log(`${name}, seed ${seed}, input ${index}: ${bytes.length} bytes\n${bytes.toString('hex')}`);
  inputs.runBytes(bytes, index);
  for (const { why } of inputs.failures) console.log(why);
  if (inputs.failures.length === 0) console.log('the input breaks no rule');
  return inputs.failures.length === 0;
}

function isLive(name: string): boolean {
  return liveTargets.includes(name);
}

function targetOf(name: string) {
  const material = isLive(name) ? materialOf(name) : name;
  const found = [...targets, ...timedTargets, ...stumbling].find((each) => each.name === material);
  if (!found) throw new Error(`there is no target ${name}: there are ${targets.map((each) => each.name).join(', ')}`);
  return { ...found, name };
}

function sharesOf({ inputs, live, target }: Settings): Share[] {
  if (target !== undefined) return [{ target, count: isLive(target) ? live : inputs }];
  const total = Object.values(weights).reduce((sum, weight) => sum + weight);
  return [
    ...targets.map(({ name }) => ({ target: name, count: Math.ceil((inputs * (weights[name] ?? 0)) / total) })),
    ...timedTargets.map(({ name }) => ({ target: name, count: Math.ceil(inputs * timedShare) })),
    ...liveTargets.map((name) => ({ target: name, count: live })),
  ].filter(({ count }) => count > 0);
}

/** For a thread that hung or died, only the last index is known; over TCP several inputs were in flight. */
function withInputs(failure: Failure): Failure[] {
  const { target, seed, index, input } = failure;
  if (input !== '' || seed === 0) return [failure];
  const inputs = new Inputs(targetOf(target), seed);
  const first = isLive(target) ? Math.max(0, index - hostileConnections + 1) : index;
  return Array.from({ length: index - first + 1 }, (_, i) => {
    return { ...failure, index: first + i, input: inputs.make(first + i).toString('hex') };
  });
}

function describe({ target, seed, index, why, input }: Failure): string {
  return [
    `\n${target}: ${why}`,
    `  input ${index} of seed ${seed}: ${input.length > 400 ? `${input.slice(0, 400)}…` : input}`,
    `  again: npm run test:long -- replay ${target}:${seed}:${index}`,
  ].join('\n');
}

/** The sum of several rows. */
function together(target: string, rows: readonly Row[]): Row {
  const sum = (name: 'inputs' | 'refused' | 'messages' | 'crashes' | 'hangs' | 'seconds') =>
    rows.reduce((total, row) => total + row[name], 0);
  return {
    target,
    inputs: sum('inputs'),
    refused: sum('refused'),
    messages: sum('messages'),
    crashes: sum('crashes'),
    hangs: sum('hangs'),
    seconds: sum('seconds'),
    rssBefore: rows[0]?.rssBefore ?? 0,
    rssAfter: rows.at(-1)?.rssAfter ?? 0,
    heldPerByte: undefined,
    longestTripMs: undefined,
    failures: rows.flatMap(({ failures }) => failures),
  };
}

const headings = [
  'target',
  'inputs',
  'refused',
  'messages',
  'crashes',
  'hangs',
  's',
  'inputs/s',
  'RSS before, after (MiB)',
  'held per byte',
  'longest valid round trip (ms)',
];

function show(rows: readonly Row[]): string {
  return table(
    headings,
    [...rows, together('all', rows)].map((row) => [
      row.target,
      row.inputs,
      row.refused,
      row.messages,
      row.crashes,
      row.hangs,
      Math.round(row.seconds),
      Math.round(row.inputs / Math.max(row.seconds, 0.001)),
      `${Math.round(row.rssBefore / MiB)}, ${Math.round(row.rssAfter / MiB)}`,
      row.heldPerByte === undefined ? '' : row.heldPerByte.toFixed(2),
      row.longestTripMs === undefined ? '' : row.longestTripMs.toFixed(0),
    ]),
  );
}
