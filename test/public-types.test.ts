/** A package exports every type that its public signatures mention. This file reads the declarations that users install. */
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { packages, root } from './workspace.js';

interface Published {
  readonly name: string;
  /** The source file of each entry of its `exports`. */
  readonly entries: readonly string[];
}

const { compilerOptions } = ts.readConfigFile(join(root, 'tsconfig.base.json'), ts.sys.readFile).config as {
  compilerOptions: { paths: Record<string, [string]> };
};

/** The source file of what a program imports. */
function sourceOf(specifier: string): string {
  const path = compilerOptions.paths[specifier]?.[0];
  if (path === undefined) throw new Error(`tsconfig.base.json has no path of ${specifier}`);
  return join(root, path);
}

/** The packages that programs import. A command has no types. */
const published: Published[] = packages.flatMap((folder) => {
  const manifest = readFileSync(join(root, 'packages', folder, 'package.json'), 'utf8');
  const { name, exports } = JSON.parse(manifest) as { name: string; exports: object };
  const names = Object.keys(exports).filter((entry) => entry !== './package.json');
  return names.length > 0 ? [{ name, entries: names.map((entry) => sourceOf(name + entry.slice(1))) }] : [];
});

const declarationOf = (path: string) => path.replace(/\.ts$/, '.d.ts');
const isOurs = (path: string) => /^packages[\\/][^\\/]+[\\/]src[\\/]/.test(relative(root, path));

/** A program over the declarations that the compiler writes for these sources: types that are inferred are written there too. */
function declarationsOf(sources: readonly string[]): ts.Program {
  const { options } = ts.convertCompilerOptionsFromJson({ ...compilerOptions, composite: false, noCheck: true }, root);
  const before = ts.createProgram(sources, options);
  const written = new Map<string, string>();
  before.emit(undefined, (path, text) => written.set(path, text));

  const host = ts.createCompilerHost(options);
  const paths = Object.entries(compilerOptions.paths).map(([name, [path]]) => [name, [declarationOf(path)]]);
  return ts.createProgram(
    sources.map(declarationOf),
    { ...options, paths: Object.fromEntries(paths) },
    {
      ...host,
      fileExists: (path) => written.has(path) || (!isOurs(path) && host.fileExists(path)),
      readFile: (path) => written.get(path) ?? host.readFile(path),
      getSourceFile: (path, ...rest) => {
        const text = written.get(path);
        return text === undefined
          ? (before.getSourceFile(path) ?? host.getSourceFile(path, ...rest))
          : ts.createSourceFile(path, text, rest[0]);
      },
    },
  );
}

const program = declarationsOf(published.flatMap(({ entries }) => entries));
const checker = program.getTypeChecker();

/** What a name stands for, wherever it was imported from. */
function meaning(symbol: ts.Symbol): ts.Symbol {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

/** What a package exports; of `export * as v1` what is in there. */
function exportsOf({ entries }: Published): ts.Symbol[] {
  const modules = entries.map((entry) => program.getSourceFile(declarationOf(entry)) as ts.SourceFile);
  return modules.flatMap((file) => {
    const names = checker.getExportsOfModule(checker.getSymbolAtLocation(file) as ts.Symbol);
    return names.flatMap((name) =>
      meaning(name).flags & ts.SymbolFlags.ValueModule ? checker.getExportsOfModule(meaning(name)) : [name],
    );
  });
}

/** Whether a name is exported by `export type`. Then a class is only a type, and programs cannot call its constructor. */
function isTypeOnly(symbol: ts.Symbol): boolean {
  return (symbol.declarations ?? []).some(
    (each) => ts.isExportSpecifier(each) && (each.isTypeOnly || each.parent.parent.isTypeOnly),
  );
}

const ourDeclarations = (symbol: ts.Symbol) =>
  (symbol.declarations ?? []).filter((each) => isOurs(each.getSourceFile().fileName));

const lastOf = (name: ts.EntityName) => (ts.isIdentifier(name) ? name : name.right);

/** The name that a node refers to a type by, or to the value whose type is meant. */
function nameOf(node: ts.Node): ts.Node | undefined {
  if (ts.isTypeReferenceNode(node)) return lastOf(node.typeName);
  if (ts.isTypeQueryNode(node)) return lastOf(node.exprName);
  if (ts.isImportTypeNode(node)) return node.qualifier && lastOf(node.qualifier);
  if (!ts.isExpressionWithTypeArguments(node)) return undefined;
  return ts.isPropertyAccessExpression(node.expression) ? node.expression.name : node.expression;
}

/** The types of this repository that a declaration mentions; for `typeof value`, those of that value. */
function typesIn(node: ts.Node, found: Set<ts.Symbol>, seen = new Set<ts.Node>()): Set<ts.Symbol> {
  if (seen.has(node)) return found;
  seen.add(node);
  const name = nameOf(node);
  const symbol = name && checker.getSymbolAtLocation(name);
  if (name && !symbol) throw new Error(`${name.getText()} is unknown in ${node.getSourceFile().fileName}`);
  if (symbol) {
    const used = meaning(symbol);
    if (ts.isTypeQueryNode(node)) for (const each of ourDeclarations(used)) typesIn(each, found, seen);
    else if (!(used.flags & ts.SymbolFlags.TypeParameter) && ourDeclarations(used).length > 0) found.add(used);
  }
  node.forEachChild((child) => void typesIn(child, found, seen));
  return found;
}

interface Part {
  readonly node: ts.Node;
  /** The name of a member. */
  readonly member?: string;
}

/** The parts of a declaration: members of classes and interfaces, else the whole. What is private has no type in a declaration. */
function partsOf(declaration: ts.Declaration, withConstructor: boolean): Part[] {
  if (!ts.isClassDeclaration(declaration) && !ts.isInterfaceDeclaration(declaration)) return [{ node: declaration }];
  const { members, typeParameters = [], heritageClauses = [] } = declaration;
  return [
    ...[...typeParameters, ...heritageClauses].map((node) => ({ node })),
    ...[...members]
      .filter((member) => withConstructor || !ts.isConstructorDeclaration(member))
      .map((node) => ({ node, member: memberName(node) })),
  ];
}

function memberName(member: ts.ClassElement | ts.TypeElement): string {
  return ts.isConstructorDeclaration(member) ? 'constructor' : (member.name?.getText() ?? 'a signature');
}

function shown(type: ts.Symbol, { name }: Published): string {
  const path = ourDeclarations(type)[0]?.getSourceFile().fileName ?? '';
  const owner = published.find(({ entries }) => entries.some((entry) => path.startsWith(dirname(entry))));
  return owner === undefined || owner.name === name ? type.name : `${type.name} of ${owner.name}`;
}

/** Types that are mentioned but not exported, with a sentence for each mention. */
function missingIn(each: Published): string[] {
  const names = exportsOf(each);
  const exported = new Set(names.map(meaning));
  const mentions = names.flatMap((name) => {
    const parts = ourDeclarations(meaning(name)).flatMap((declaration) => partsOf(declaration, !isTypeOnly(name)));
    return parts.flatMap(({ node, member }) => {
      const missing = [...typesIn(node, new Set())].filter((type) => !exported.has(type));
      const where = member === undefined ? name.name : `${member} of ${name.name}`;
      return missing.map(
        (type) => `${each.name}: ${where} mentions ${shown(type, each)}, which ${each.name} does not export`,
      );
    });
  });
  return [...new Set(mentions)];
}

describe.each(published)('$name', (each) => {
  test('exports every type that its public signatures mention', () => {
    expect(exportsOf(each).length).toBeGreaterThan(0);
    expect(missingIn(each)).toEqual([]);
  });
});
