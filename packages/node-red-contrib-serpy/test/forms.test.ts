/** The forms and help texts of the nodes, which only the editor shows. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from '../../../test/workspace.js';

const folder = join(root, 'packages', 'node-red-contrib-serpy');
const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
  readonly 'node-red': { readonly nodes: Record<string, string> };
};

describe.each(Object.entries(manifest['node-red'].nodes))('the form of %s', (type, file) => {
  const code = readFileSync(join(folder, file), 'utf8');
  const html = readFileSync(join(folder, file.replace(/\.js$/, '.html')), 'utf8');

  test('belongs to the node that the program registers', () => {
    expect(code).toContain(`registerType('${type}'`);
    for (const mark of [`registerType('${type}'`, `data-template-name="${type}"`, `data-help-name="${type}"`]) {
      expect(html).toContain(mark);
    }
  });

  test('has a field for each property, and a property for each field', () => {
    const [, defaults = ''] = /defaults: \{\n([\s\S]*?)\n {4}\}/.exec(html) ?? [];
    const properties = [...defaults.matchAll(/^ {6}(\w+):/gm)].map(([, name]) => name);
    const fields = [...html.matchAll(/<input[^>]* id="node-(?:config-)?input-(\w+)"/g)].map(([, name]) => name);
    expect(fields.sort()).toEqual(properties.sort());
    const used = [...code.matchAll(/config\.(\w+)/g)].map(([, name]) => name);
    expect(used.filter((name) => !properties.includes(name))).toEqual([]);
  });
});
