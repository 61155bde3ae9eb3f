/** What the pages show and say of `serpy demo` and its like, held against the commands. */
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

/** A screen at 80 × 24 without what is different each time: numbers, the picture, the bars. */
function labels(lines: readonly string[]): string[] {
  return lines
    .map((line) => line.replace(/^[ .:=+*#%@-]+/, '').replace(/^(count rate) \S+/, '$1'))
    .map((line) =>
      line
        .replaceAll(/\d[\d,.]*/g, '0')
        .replaceAll(/ +/g, ' ')
        .trim(),
    );
}

test('the screen of the demo in README.md has the labels that the demo shows', () => {
  const shown = pageOf('README.md')
    .blocks.find(({ code }) => code.startsWith('serpy demo'))!
    .code.trimEnd()
    .split('\n');
  const news = shown.at(-3)!;
  const lines = layout(
    {
      camera: link,
      counter: { ...link, url: 'serpy1://127.0.0.1:40124' },
      image: { ...imageSize, data: Array.from({ length: imageSize.width * imageSize.height }, () => 0) },
      countRates: Array.from({ length: 100 }, (_, at) => at),
      countRate: 400_000,
      status: news,
      recording: undefined,
      command: 'npx serpy',
    },
    { columns: 80, rows: 24 },
    'none',
  );
  expect(labels(shown)).toEqual(labels(lines));
  const experiment = readFileSync(join(root, 'packages', 'cli', 'src', 'demo', 'experiment.ts'), 'utf8');
  for (const part of news.split(/\d[\d.]*/))
    expect(experiment.replaceAll(/\$\{[^}]*\}/g, '|')).toContain(part.replace('camera', '|').trim());
});

test('the README of serpy-cli names every option of the instruments, with its default', () => {
  const simulate = program(new Run(['--version']).context).commands.find((each) => each.name() === 'simulate')!;
  const documented = pageOf('packages/cli/README.md').tables.find(
    ({ headings }) => headings.join() === 'flag,of,without it,is',
  )!.rows;
  const named = documented.flatMap(({ flag = '' }) => flag.split(', ').map(codeIn));
  const own = simulate.options.filter(({ helpGroupHeading }) => helpGroupHeading === 'The instrument:');
  expect(named.sort()).toEqual(own.map(({ long }) => long).sort());
  for (const { long, defaultValue, defaultValueDescription } of own) {
    if (defaultValue === undefined) continue;
    const row = documented.find(({ flag = '' }) => flag.includes(`\`${long}\``));
    expect(codeIn(row?.['without it'] ?? ''), long).toBe(String(defaultValueDescription ?? defaultValue));
  }
});
