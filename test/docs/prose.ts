/** The prose of pages, and the comments and sentences of source files, each with its line. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { root } from '../workspace.js';
import { readPages } from './pages.js';

export interface Prose {
  readonly path: string;
  readonly line: number;
  readonly text: string;
  /** The heading above it on a page, of level 1 to 3. */
  readonly section?: string;
}

/** Replaces code by spaces: spans in backticks, addresses of links, code blocks, HTML comments. */
function withoutCode(text: string): string {
  const blank = (match: string) => match.replaceAll(/[^\n]/g, ' ');
  return text
    .replaceAll(/^```[\s\S]*?^```$/gm, blank)
    .replaceAll(/<!--[\s\S]*?-->/g, blank)
    .replaceAll(/`[^`\n]*`/g, blank)
    .replaceAll(/\]\([^)\n]*\)/g, blank);
}

/** The prose of pages, line by line. */
export function proseOfPages(): Prose[] {
  return readPages().flatMap(({ path, text }) => {
    let section = '';
    const lines = withoutCode(text).split('\n');
    return lines.flatMap((line, i) => {
      section = /^#{1,3} (.*)$/.exec(line)?.[1] ?? section;
      return /\w/.test(line) ? [{ path, line: i + 1, text: line, section }] : [];
    });
  });
}

/** The comments and sentences of the sources of all packages. */
export function proseOfSources(): Prose[] {
  const folder = join(root, 'packages');
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => /^[\w-]+\/src\/.*\.ts$/.test(name))
    .flatMap((name) => proseOfSource(`packages/${name}`, readFileSync(join(folder, name), 'utf8')));
}

export function proseOfSource(path: string, text: string): Prose[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const comments = new Map<number, string>();
  const found: Prose[] = [];
  const add = (at: number, words: string) => {
    found.push({ path, line: file.getLineAndCharacterOfPosition(at).line + 1, text: withoutCode(words) });
  };
  const visit = (node: ts.Node): void => {
    for (const range of ts.getLeadingCommentRanges(text, node.pos) ?? [])
      comments.set(range.pos, text.slice(range.pos, range.end));
    for (const range of ts.getTrailingCommentRanges(text, node.end) ?? [])
      comments.set(range.pos, text.slice(range.pos, range.end));
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return;
    // One word is a name or a value, not a sentence.
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) {
      if (/\S\s\S/.test(node.text)) add(node.getStart(), node.text);
    } else if (ts.isTemplateExpression(node)) {
      add(node.getStart(), [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)].join('…'));
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  for (const token of [file.endOfFileToken]) visit(token);
  for (const [at, comment] of comments) add(at, comment.replaceAll(/^\s*(?:\/\*\*?|\*\/|\*|\/\/)/gm, ' '));
  return found;
}
