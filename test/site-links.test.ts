/** The places of pages and links in the documentation site: the rules that its build applies. */
import { describe, expect, test } from 'vitest';
import { anchorOf, listPages, placeOf, sidebar, siteLink } from '../docs/.vitepress/pages.mjs';
import { anchorOf as anchorOnTheForge, readPages } from './docs/pages.js';

describe('the documentation site', () => {
  test('has every page of the repository', () => {
    const files = readPages().map(({ path }) => path);
    expect(files.filter((path) => !listPages().includes(path))).toEqual([]);
  });

  test.each([
    ['docs/options.md', 'options.md'],
    ['docs/README.md', 'index.md'],
    ['docs/how-to/lines.md', 'how-to/lines.md'],
    ['README.md', 'overview.md'],
    ['SECURITY.md', 'security.md'],
    ['packages/serpy-hub/README.md', 'packages/serpy-hub.md'],
    ['packages/cli/src/main.ts', undefined],
    ['test/python/README.md', undefined],
  ])('has %s at %s', (file, place) => {
    expect(placeOf(file)).toBe(place);
  });

  test.each([
    ['docs/how-to/lines.md', '../options.md#queues', '/options.html#queues'],
    ['docs/how-to/lines.md', '../../packages/serpy', '/packages/serpy.html'],
    ['docs/README.md', '../packages/serpy/README.md#api', '/packages/serpy.html#api'],
    ['docs/README.md', '../SECURITY.md', '/security.html'],
    ['docs/README.md', 'decisions', '/architecture.html#decisions'],
    ['README.md', 'docs/README.md#learn-tutorials', '/#learn-tutorials'],
    ['README.md', 'LICENSE', 'https://github.com/serpy-node/serpy/blob/main/LICENSE'],
    ['README.md', 'test/vectors', 'https://github.com/serpy-node/serpy/tree/main/test/vectors'],
    ['README.md', '#install', '#install'],
    ['README.md', 'https://nodejs.org', 'https://nodejs.org'],
    ['README.md', 'http://localhost:8080', 'http://localhost:8080'],
  ])('turns the link of %s to %s into %s', (from, link, expected) => {
    expect(siteLink(from, link)).toBe(expected);
  });

  test('has the folder of its server in each link', () => {
    expect(siteLink('docs/README.md', '../SECURITY.md', '/serpy/')).toBe('/serpy/security.html');
  });

  test('has the anchors that links of the repository use', () => {
    for (const { path, headings } of readPages()) {
      for (const heading of headings) {
        const text = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll('`', '');
        expect(anchorOf(text), `${path}: ${heading}`).toBe(anchorOnTheForge(heading));
      }
    }
  });

  test('lists tutorials first, and each page of docs in its sidebar', () => {
    const groups = sidebar();
    expect(groups.map(({ text }) => text)).toEqual([
      'Start',
      'Tutorials',
      'How-to guides',
      'Reference',
      'Explanation',
      'Contribute',
      'Packages',
      'Decisions',
    ]);
    const links = groups.flatMap(({ items }) => items.map(({ link }) => link));
    const missing = listPages().filter(
      (file) => /^(?:docs|packages)\//.test(file) && !links.includes(siteLink('', file)),
    );
    expect(missing).toEqual([]);
  });
});
