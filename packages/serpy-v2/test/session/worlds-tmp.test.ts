import { test } from 'vitest';
import { World } from './simulation/world.js';
test('worlds', () => {
  const first = Number(process.env.FIRST ?? 1); const n = Number(process.env.N ?? 300);
  const broken: string[] = [];
  for (let seed = first; seed < first + n; seed++) {
    try { new World(seed, 200).run(); } catch (error) { broken.push(`${seed}: ${(error as Error).stack?.split('\n').slice(0, 3).join(' | ')}`); if (broken.length >= 6) break; }
  }
  if (broken.length) throw new Error(broken.join('\n'));
}, 300000);
