// Marks in the declarations of a built package which exports are only types. The bundler of declarations drops the `type` of
// `export type { Server }` for a class, and a program that constructs one would compile and then fail.
// The builds run it in the folder of the package.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The text of a declaration file in which all exports are types, except these values. */
function markTypes(text, values) {
  // What comes from another package as a whole are types: its values are the other package's.
  const whole = text.replace(/^export \* from /gm, 'export type * from ');
  return whole.replace(/^export \{([^}]*)\}/gm, (_, specifiers) => {
    const marked = specifiers.split(',').map((each) => {
      const name = each.trim().split(' ').at(-1);
      return each.trim().startsWith('type ') || values.has(name) ? each.trim() : `type ${each.trim()}`;
    });
    return `export { ${marked.join(', ')} }`;
  });
}

async function markPackage(folder) {
  for (const file of readdirSync(folder).filter((name) => /\.d\.c?ts$/.test(name))) {
    const path = join(folder, file);
    // The module itself lists its exports; both formats export the same. A file that two entries share has no module.
    const module = join(folder, file.replace(/\.d\.c?ts$/, '.js'));
    if (!existsSync(module)) continue;
    const values = new Set(Object.keys(await import(pathToFileURL(module).href)));
    writeFileSync(path, markTypes(readFileSync(path, 'utf8'), values));
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await markPackage(resolve('dist'));
