/** The long tests, by name: all of them one after the other, or those that are named. A new soak test is one more part here. */
import { badLines } from './bad-lines.js';
import { doorPart } from './door.js';
import { figures, guards, partOf } from './figures.js';
import { floodsPart } from './floods.js';
import { fuzz, replay } from './fuzz.js';
import { hugeMessage } from './huge-message.js';
import { lives } from './lives.js';
import { properties } from './properties.js';
import { recordKills } from './record-kills.js';
import { readArguments, type Settings } from './settings.js';
import { replayWorld, simulation } from './simulation.js';
import { stuckReader } from './stuck-reader.js';
import { viewHour, viewKills } from './view.js';
import { viewSpeed } from './view-speed.js';

/** A part prints its results. @returns whether it passed */
type Part = (settings: Settings) => Promise<boolean>;

/** The parts of a run without names. */
const all: Readonly<Record<string, Part>> = {
  fuzz,
  simulation,
  lives,
  properties,
  'stuck-reader': stuckReader,
  'huge-message': hugeMessage,
  floods: floodsPart,
  door: doorPart,
  lines: badLines,
  cuts: partOf('cuts'),
  'every-byte-sockets': partOf('every-byte-sockets'),
  'every-byte-tls': partOf('every-byte-tls'),
  'half-open': partOf('half-open'),
  stream: partOf('stream'),
  resume: partOf('resume'),
  resumes: partOf('resumes'),
  stopped: partOf('stopped'),
  partition: partOf('partition'),
  'record-kills': recordKills,
  'view-kills': viewKills,
  'view-hour': viewHour,
  'view-speed': viewSpeed,
  guards,
};

/** Parts that another part contains with more runs, or that another command runs. */
const parts: Readonly<Record<string, Part>> = {
  ...all,
  'every-byte-memory': partOf('every-byte-memory'),
  worlds: partOf('worlds'),
  inputs: partOf('inputs'),
  weight: partOf('weight'),
  kept: partOf('kept'),
  waiting: partOf('waiting'),
  unawaited: partOf('unawaited'),
  'stuck-reader-ratio': partOf('stuck-reader-ratio'),
  figures,
};

async function run(args: readonly string[]): Promise<boolean> {
  const { parts: named, settings } = readArguments(args);
  if (named[0] === 'replay') {
    const [target = '', seed, index] = (named[1] ?? '').split(':');
    if (target === 'world') return replayWorld(Number(seed));
    return replay(target, Number(seed), Number(index));
  }
  const names = named.length > 0 ? named : Object.keys(all);
  const unknown = names.find((name) => parts[name] === undefined);
  if (unknown) throw new Error(`there is no part ${unknown}: there are ${Object.keys(parts).join(', ')}, and replay`);
  const { progress } = settings;
  if (progress.earlier > 0) console.log(`continues a stopped run: ${progress.earlier} results. --restart begins again`);
  let allWell = true;
  for (const name of names) {
    const key = `part ${name} ${JSON.stringify({ ...settings, threads: undefined, progress: undefined })}`;
    const passed = () => (parts[name] as Part)(settings);
    if (progress.has(key)) console.log(`\n${name}: passed in the stopped run`);
    allWell = (await progress.once(key, passed, (well) => well)) && allWell;
  }
  progress.finish();
  return allWell;
}

process.exitCode = (await run(process.argv.slice(2))) ? 0 : 1;
