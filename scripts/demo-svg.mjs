// Records `serpy demo` in a terminal and writes docs/demo.svg, the animated picture of the README.
// Usage: node scripts/demo-svg.mjs. Needs Python 3, whose module `pty` gives the program a terminal.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { root } from './setup.mjs';

const columns = 80;
const rows = 24;
/** The size of a character, pixels. */
const cell = { width: 8.4, height: 17 };
const margin = 12;
/** Seconds that one recorded screen is shown. */
const frameSeconds = 0.7;
/** Colors of the picture are rounded to this many levels a channel, so that neighbors join into one rectangle. */
const levels = 12;

const wrapper = 'stty rows "$1" cols "$2" -echo; shift 2; exec "$@"';
const ptySpawn = 'import pty, sys; pty.spawn(sys.argv[1:])';

/** The part of a terminal that the demo uses: characters with a foreground and a background color. */
class Terminal {
  cells = emptyScreen();
  #row = 0;
  #column = 0;
  #colors = { front: undefined, back: undefined };

  write(output) {
    for (const [whole, argument, command] of output.matchAll(/\x1b\[(\??[\d;]*)([A-Za-z])|[\s\S]/gu)) {
      if (command === 'H') this.#place(argument);
      else if (command === 'm') this.#color(argument.split(';').map(Number));
      else if (command === 'K') for (let at = this.#column; at < columns; at++) this.cells[this.#row][at] = blank();
      else if (command === 'J') this.cells = emptyScreen();
      else if (command === undefined && whole >= ' ') this.#put(whole);
    }
  }

  #place(argument) {
    const [row = 1, column = 1] = argument.split(';').map((each) => Number(each || 1));
    [this.#row, this.#column] = [row - 1, column - 1];
  }

  #color(codes) {
    if (codes[0] === 0) this.#colors = { front: undefined, back: undefined };
    for (let at = 0; at < codes.length; at++) {
      if (codes[at] !== 38 && codes[at] !== 48) continue;
      const color = hex(codes.slice(at + 2, at + 5));
      if (codes[at] === 38) this.#colors.front = color;
      else this.#colors.back = color;
      at += 4;
    }
  }

  #put(character) {
    if (this.#row < rows && this.#column < columns) {
      this.cells[this.#row][this.#column] = { character, ...this.#colors };
    }
    this.#column++;
  }
}

function blank() {
  return { character: ' ', front: undefined, back: undefined };
}

function emptyScreen() {
  return Array.from({ length: rows }, () => Array.from({ length: columns }, blank));
}

function hex(channels) {
  const rounded = channels.map((value) => Math.round((Math.round((value / 255) * levels) / levels) * 255));
  return `#${rounded.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
}

/** The screens of the demo: running, with the cable pulled, and running again. */
async function recordScreens() {
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const main = join(root, 'packages', 'cli', 'src', 'main.ts');
  const demo = [process.execPath, '--import', tsx, main, 'demo'];
  const args = ['-c', ptySpawn, 'sh', '-c', wrapper, 'sh', String(rows), String(columns), ...demo];
  const env = {
    ...process.env,
    TERM: 'xterm-256color',
    COLORTERM: 'truecolor',
    TSX_TSCONFIG_PATH: join(root, 'tsconfig.base.json'),
  };
  delete env.NO_COLOR;
  const program = spawn('python3', args, { cwd: root, env, stdio: ['pipe', 'pipe', 'inherit'] });
  const terminal = new Terminal();
  const decoder = new TextDecoder();
  let held = '';
  program.stdout.on('data', (chunk) => {
    const [, whole, rest] = /^([\s\S]*?)(\x1b(?:\[[?\d;]*)?)?$/.exec(held + decoder.decode(chunk, { stream: true }));
    held = rest ?? '';
    terminal.write(whole);
  });
  const text = () => terminal.cells.map((row) => row.map(({ character }) => character).join('')).join('\n');
  const until = async (pattern) => {
    for (let tries = 0; !pattern.test(text()); tries++) {
      if (tries > 600) throw new Error(`the screen never showed ${pattern}:\n${text()}`);
      await setTimeout(50);
    }
  };
  const screens = [];
  const shoot = async (count, everyMs) => {
    for (let shot = 0; shot < count; shot++) {
      await setTimeout(everyMs);
      screens.push(structuredClone(terminal.cells));
    }
  };
  await until(/received +\d{2}/);
  await setTimeout(3000);
  await shoot(4, 500);
  program.stdin.write('u');
  await until(/link +down +down/);
  await shoot(3, 500);
  await until(/the camera is back/);
  await shoot(4, 500);
  program.stdin.write('q');
  await new Promise((resolve) => program.on('close', resolve));
  return screens;
}

/** The half blocks of a screen as rectangles of one color each, joined along a row. */
function picture(cells) {
  const paths = new Map();
  for (let half = 0; half < 2 * rows; half++) {
    const line = cells[half >> 1];
    const colorAt = (column) => {
      const at = line[column];
      return at?.character === '▀' ? (half % 2 === 0 ? at.front : at.back) : undefined;
    };
    for (let column = 0, end = 0; column < columns; column = end) {
      const color = colorAt(column);
      for (end = column + 1; end < columns && colorAt(end) === color; ) end++;
      if (color !== undefined) {
        const width = end - column;
        paths.set(color, `${paths.get(color) ?? ''}M${column} ${half}h${width}v1h-${width}z`);
      }
    }
  }
  const scale = `scale(${cell.width} ${cell.height / 2})`;
  const shapes = [...paths].map(([color, path]) => `<path fill="${color}" d="${path}"/>`).join('');
  return `<g transform="translate(${margin} ${margin}) ${scale}" shape-rendering="crispEdges">${shapes}</g>`;
}

/** The text of a screen, as runs of characters that end at two blanks, each at its position. */
function textOf(cells) {
  return cells
    .flatMap((line, row) => {
      const characters = line.map(({ character }) => (character === '▀' ? ' ' : character)).join('');
      return [...characters.matchAll(/\S+(?: \S+)*/g)].map(({ 0: words, index }) => {
        const x = round(margin + index * cell.width);
        const y = round(margin + (row + 0.76) * cell.height);
        const length = round([...words].length * cell.width);
        return `<text x="${x}" y="${y}" textLength="${length}">${escaped(words)}</text>`;
      });
    })
    .join('');
}

function round(value) {
  return Math.round(value * 10) / 10;
}

function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

/** All screens, shown one after another. With `prefers-reduced-motion` a reader sees the last one. */
function svgOf(screens) {
  const width = round(columns * cell.width + 2 * margin);
  const height = rows * cell.height + 2 * margin;
  const seconds = round(screens.length * frameSeconds);
  const shown = round(100 / screens.length);
  const style = [
    `text{font:14px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#e6e6e6;white-space:pre}`,
    `.s{visibility:hidden;animation:s ${seconds}s step-end infinite}`,
    `@keyframes s{0%{visibility:visible}${shown}%{visibility:hidden}}`,
    ...screens.map((_, at) => `.s${at}{animation-delay:${round(at * frameSeconds - seconds)}s}`),
    `@media (prefers-reduced-motion:reduce){.s{animation:none}.s${screens.length - 1}{visibility:visible}}`,
  ].join('');
  const groups = screens.map((cells, at) => `<g class="s s${at}">${picture(cells)}${textOf(cells)}</g>`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    '<title>serpy demo: a camera streams, the cable is pulled, and the stream resumes</title>',
    `<style>${style}</style>`,
    `<rect width="${width}" height="${height}" rx="8" fill="#14141c"/>`,
    ...groups,
    '</svg>\n',
  ].join('\n');
}

const svg = svgOf(await recordScreens());
writeFileSync(join(root, 'docs', 'demo.svg'), svg);
console.log(`docs/demo.svg: ${Math.round(svg.length / 1000)} kB`);
