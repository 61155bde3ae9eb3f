/**
 * The pages of the documentation, split for tests: code blocks, tables, headings and links.
 *
 * Two conventions hold in all pages:
 * - a `js` or `ts` block is a complete program. If it uses names that it does not declare, a comment before it declares them:
 *   `<!-- given: declare const connection: import('serpy-v2').Connection; -->`
 * - a `js` or `ts` block that is followed by "It prints:" and a `text` block prints just that, and so does a `sh` block,
 *   in which `serpy` is the command. The port 5001 stands for any free one.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packages, root } from '../workspace.js';

export interface CodeBlock {
  /** Page and line, such as `README.md:20`. */
  readonly name: string;
  readonly language: string;
  readonly code: string;
  /** The line of the page with the first line of the code. */
  readonly line: number;
  /** Declarations of names that the block does not declare itself. */
  readonly given: string;
  /** The output that the page states; undefined for none. */
  readonly prints: string | undefined;
}

export interface Table {
  readonly headings: readonly string[];
  /** The cells of each row under their headings, as Markdown. */
  readonly rows: readonly Readonly<Record<string, string>>[];
}

export interface Page {
  /** Path from the root, with slashes. */
  readonly path: string;
  readonly text: string;
  /** The text without its code blocks and comments. */
  readonly prose: string;
  readonly blocks: readonly CodeBlock[];
  readonly tables: readonly Table[];
  readonly headings: readonly string[];
}

const programs = ['js', 'ts'];

export function isProgram({ language }: CodeBlock): boolean {
  return programs.includes(language);
}

/** Splits a page. */
export function readPage(path: string, text: string): Page {
  const prose = text.replaceAll(/^```[\s\S]*?^```$/gm, '').replaceAll(/<!--[\s\S]*?-->/g, '');
  return {
    path,
    text,
    prose,
    blocks: [...codeBlocks(path, text)],
    tables: [...tablesOf(prose)],
    headings: [...prose.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => heading),
  };
}

/** All pages. */
export function readPages(): Page[] {
  const paths = [
    'README.md',
    'CODE_OF_CONDUCT.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    'bench/README.md',
    'examples/README.md',
    ...packages.map((folder) => `packages/${folder}/README.md`),
    'packages/node-red-contrib-serpy/README.md',
    ...['docs', 'docs/tutorials', 'docs/how-to', 'docs/explanation', 'docs/decisions'].flatMap((folder) =>
      readdirSync(join(root, folder))
        .filter((name) => name.endsWith('.md'))
        .map((name) => `${folder}/${name}`),
    ),
  ];
  return paths.map((path) => readPage(path, readFileSync(join(root, path), 'utf8').replaceAll('\r\n', '\n')));
}

const blockForm =
  /(?:^<!-- given: (?<given>[\s\S]*?) -->\n+)?^```(?<language>\S*)\n(?<code>[\s\S]*?)^```$(?:\n+It prints:\n+```text\n(?<prints>[\s\S]*?)^```$)?/gm;

function* codeBlocks(path: string, text: string): Iterable<CodeBlock> {
  for (const match of text.matchAll(blockForm)) {
    const { given = '', language = '', code = '', prints } = match.groups ?? {};
    const fence = match.index + match[0].indexOf(`\`\`\`${language}\n${code}`);
    const line = text.slice(0, fence).split('\n').length + 1;
    yield { name: `${path}:${line}`, language, code, line, given, prints };
  }
}

function* tablesOf(prose: string): Iterable<Table> {
  for (const [table] of prose.matchAll(/(?:^\|.*\|$\n?){3,}/gm)) {
    const [head = [], , ...rest] = table.trim().split('\n').map(cellsOf);
    const rows = rest.map((cells) => Object.fromEntries(head.map((heading, i) => [heading, cells[i] ?? ''])));
    yield { headings: head, rows };
  }
}

/** The cells of a row; `\|` does not end one. */
function cellsOf(row: string): string[] {
  const cells = row.split(/(?<!\\)\|/).slice(1, -1);
  return cells.map((cell) => cell.trim().replaceAll('\\|', '|'));
}

/** The first code span of a cell, or else its text. */
export function codeIn(cell: string): string {
  return /`([^`]+)`/.exec(cell)?.[1] ?? cell;
}

/** The anchor that GitHub gives a heading. */
export function anchorOf(heading: string): string {
  const words = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
  return words.replaceAll(/[^\p{L}\p{N}_ -]/gu, '').replaceAll(' ', '-');
}
