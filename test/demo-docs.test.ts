/** Pages about `serpy demo` and other instruments, compared with the commands. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { imageSize } from '../packages/cli/src/demo/experiment.js';
import { type LinkView, layout } from '../packages/cli/src/demo/layout.js';
import { program } from '../packages/cli/src/program.js';
import { Run } from '../packages/cli/test/run.js';
import { codeIn, readPages } from './docs/pages.js';
import { root } from './workspace.js';

const pages = readPages();
const pageOf = (path: string) => pages.find((each) => each.path === path)!;

const link: LinkView = {
  state: 'connected',
  url: 'serpy2://127.0.0.1:40123',
  perSecond: 25,
  bytesPerSecond: 3.8e6,
  queue: 0,
  drops: 0,
  reconnects: 1,
  received: 400,
};

/** The constant text of the demo on a screen of 80 × 24, without the picture, bars, numbers and status. */
function labels(): string[] {
  const lines = layout(
    {
      camera: link,
      counter: { ...link, url: 'serpy1://127.0.0.1:40124' },
      image: { ...imageSize, data: Array.from({ length: imageSize.width * imageSize.height }, () => 0) },
      countRates: [],
      countRate: 400_000,
      status: '',
      recording: undefined,
      command: 'npx serpy',
    },
    { columns: 80, rows: 24 },
    'none',
  );
  const words = lines.flatMap((line) => line.split(/ {2,}/)).map((each) => each.trim());
  return words.filter((each) => /^[a-z]/i.test(each) && !/\d{3}/.test(each));
}

test('the picture in README.md shows the present demo; node scripts/demo-svg.mjs draws it again', () => {
  expect(pageOf('README.md').prose).toContain('(docs/demo.svg)');
  const svg = readFileSync(join(root, 'docs', 'demo.svg'), 'utf8');
  expect(labels()).toContain('reconnects');
  const shown = svg.replaceAll('&lt;', '<').replaceAll('&amp;', '&');
  expect(labels().filter((label) => !shown.includes(label))).toEqual([]);
  for (const state of ['>up<', '>down<', 'the cable is pulled', 'the camera is back']) expect(shown).toContain(state);
});

test('the README of serpy-cli names every option of the instruments, with its default', () => {
  const simulate = program(new Run(['--version']).context).commands.find((each) => each.name() === 'simulate')!;
  const documented = pageOf('packages/cli/README.md').tables.find(
    ({ headings }) => headings.join() === 'flag,of,without it,is',
  )!.rows;
  const named = documented.flatMap(({ flag = '' }) => flag.split(', ').map(codeIn));
  const own = simulate.options.filter(({ helpGroupHeading }) => helpGroupHeading !== 'Connection:');
  expect(named.sort()).toEqual(own.map(({ long }) => long).sort());
  for (const { long, defaultValue, defaultValueDescription } of own) {
    if (defaultValue === undefined) continue;
    const row = documented.find(({ flag = '' }) => flag.includes(`\`${long}\``));
    expect(codeIn(row?.['without it'] ?? ''), long).toBe(String(defaultValueDescription ?? defaultValue));
  }
});
