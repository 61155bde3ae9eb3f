/** Transfers over real sockets whose links are cut: at random, and at every byte. */
import { generateKey } from 'serpy-v2';
import { everyByte, type PlaceName } from '../reliability/every-byte.js';
import { transfer } from '../reliability/transfer.js';
import type { Figure } from './figure.js';
import type { Settings } from './settings.js';

const MiB = 2 ** 20;
const messages = 400;
/** The number of concurrent exchanges of three messages. They mostly wait. */
const atATime = 32;

export async function measureCuts({ cuts, seed }: Pick<Settings, 'cuts' | 'seed'>): Promise<Figure> {
  const reports = [];
  for (const key of [undefined, generateKey()]) {
    for (const direction of ['up', 'down'] as const) {
      reports.push(await transfer({ seed: seed + 6, cuts, messages, messageBytes: MiB / 4, direction, key }));
    }
  }
  const faults = reports.flatMap((report) => report.faults);
  const done = reports.map((report) => report.cuts.toLocaleString('en-US')).join(', ');
  const lost = reports.reduce((sum, report) => sum + report.lost, 0);
  const seconds = Math.round(reports.reduce((sum, report) => sum + report.seconds, 0));
  return {
    what: `TCP connections cut during one transfer of 100 MiB, in each direction, without a key and with one`,
    bound: `${cuts.toLocaleString('en-US')}: 0 lost, 0 duplicated`,
    measured: `${done}: ${lost} lost, ${faults.length} faults, ${seconds} s`,
    ok: lost === 0 && faults.length === 0 && reports.every((report) => report.cuts >= cuts * 0.95),
    faults,
  };
}

const places: Readonly<Record<PlaceName, string>> = { memory: 'in memory', sockets: 'over sockets', tls: 'with TLS' };

export async function measureEveryByte(place: PlaceName, step: number): Promise<Figure> {
  const startMs = performance.now();
  const { cases, bytes, faults } = await everyByte(place, place === 'memory' ? 1 : atATime, step);
  const which = step === 1 ? 'every byte' : `every ${step}th byte`;
  return {
    what: `connection cut at ${which} of a short session, by FIN, RST and silence, ${places[place]}`,
    bound: '0 lost, 0 duplicated',
    measured: `${cases.toLocaleString('en-US')} cuts at ${bytes[0]} + ${bytes[1]} bytes: ${faults.length} faults, ${Math.round((performance.now() - startMs) / 1000)} s`,
    ok: faults.length === 0 && cases > 0,
    faults,
  };
}
