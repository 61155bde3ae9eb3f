/** Compiles all code blocks together as programs that import the packages, with the settings of the repository. */
import { join, resolve } from 'node:path';
import ts from 'typescript';
import { root } from '../workspace.js';
import type { CodeBlock } from './pages.js';

/** The errors in the blocks: a line `README.md:20: …` for each. */
export function compileBlocks(blocks: readonly CodeBlock[]): string[] {
  const configFile = join(root, 'tsconfig.base.json');
  const { config } = ts.readConfigFile(configFile, ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
  Object.assign(options, { noEmit: true, composite: false, declaration: false, emitDeclarationOnly: false });

  // Files that exist only for the compiler, in a folder from which it finds the types of Node.
  const files = new Map(blocks.map((block, i) => [resolve(root, 'test', 'docs', `block-${i}.mts`), block]));
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  const blockOf = (path: string) => files.get(resolve(path));
  host.getCurrentDirectory = () => root;
  host.fileExists = (path) => blockOf(path) !== undefined || fileExists(path);
  host.readFile = (path) => sourceOf(blockOf(path)) ?? readFile(path);
  host.getSourceFile = (path, settings, ...rest) => {
    const source = sourceOf(blockOf(path));
    if (source === undefined) return getSourceFile(path, settings, ...rest);
    return ts.createSourceFile(path, source, settings);
  };

  const program = ts.createProgram([...files.keys()], options, host);
  // `npm run typecheck` checks the sources of the packages.
  const sources = program.getSourceFiles().filter(({ fileName }) => blockOf(fileName));
  const faults = sources.flatMap((source) => [
    ...program.getSyntacticDiagnostics(source),
    ...program.getSemanticDiagnostics(source),
  ]);
  return [...program.getOptionsDiagnostics(), ...faults].map(({ file, start = 0, messageText }) => {
    const message = ts.flattenDiagnosticMessageText(messageText, '\n');
    const block = file && blockOf(file.fileName);
    if (!block) return `${file?.fileName ?? 'the program'}: ${message}`;
    const line = block.line - 1 + (file?.getLineAndCharacterOfPosition(start).line ?? 0);
    return `${block.name.replace(/:\d+$/, '')}:${line}: ${message}`;
  });
}

/** The first line declares the given names. The `export` makes every block a separate module. */
function sourceOf(block: CodeBlock | undefined): string | undefined {
  return block && `export {}; ${block.given.replaceAll('\n', ' ')}\n${block.code}`;
}
