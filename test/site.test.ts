/** The documentation site as `npm run docs` builds it: its links, its size, and each page in a browser. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { folderOf, type SiteFiles } from '../packages/cli/src/site/site-files.js';
import { serveSite } from '../packages/cli/src/site/site-server.js';
import { browserPath, noBrowser, startBrowser } from '../packages/serpy-view/test/browser/browser.js';
import { packages, readManifest, root } from './workspace.js';

const site = join(root, 'packages', 'cli', 'site');

/** Runs in the page. A text, since the tests know no types of browsers. */
const faultsOfPage = `({
  isWide: document.documentElement.scrollWidth > innerWidth,
  missing: [...document.images].filter((image) => image.complete && image.naturalWidth === 0).length,
})`;

/** Pages by their path in the site. */
let pages: ReadonlyMap<string, string>;

beforeAll(() => {
  const built = spawnSync(process.execPath, [join(root, 'scripts', 'docs.mjs')], { encoding: 'utf8' });
  expect(built.status, `${built.stdout}${built.stderr}`).toBe(0);
  const files = readdirSync(site, { recursive: true, encoding: 'utf8' }).map((name) => name.replaceAll('\\', '/'));
  const names = files.filter((name) => name.endsWith('.html'));
  pages = new Map(names.map((name) => [name, readFileSync(join(site, name), 'utf8')]));
}, 900_000);

const isReference = (name: string) => name.startsWith('api/');

/** The page that a link leads to, with its anchor. */
function targetOf(from: string, link: string): { file: string; anchor: string } {
  const { pathname, hash } = new URL(link, `http://site/${from}`);
  const file = decodeURIComponent(pathname.slice(1));
  return {
    file: file === '' || file.endsWith('/') ? `${file}index.html` : file,
    anchor: decodeURIComponent(hash.slice(1)),
  };
}

function deadLinks(from: string, html: string): string[] {
  const links = [...html.matchAll(/<(?:a|img|link|script)\b[^>]*?\s(?:href|src)="([^"]+)"/g)].map(([, link = '']) =>
    link.replaceAll('&amp;', '&'),
  );
  return links.filter((link) => {
    if (/^(?:https?:|data:|mailto:)/.test(link)) return false;
    const { file, anchor } = targetOf(from, link);
    if (!existsSync(join(site, file))) return true;
    return anchor !== '' && file.endsWith('.html') && !pages.get(file)?.includes(`id="${anchor}"`);
  });
}

describe('the documentation site', () => {
  test('has pages, the API reference, and no dead link or anchor', () => {
    expect([...pages.keys()].filter((name) => !isReference(name)).length).toBeGreaterThan(100);
    const imported = packages
      .map(readManifest)
      .filter(({ exports = {} }) => typeof exports === 'string' || '.' in exports);
    const missing = imported.filter(({ name }) => !pages.has(`api/modules/${name}.html`));
    expect(missing.map(({ name }) => name)).toEqual([]);
    const dead = [...pages].flatMap(([name, html]) => deadLinks(name, html).map((link) => `${name}: ${link}`));
    expect(dead).toEqual([]);
  });

  test('loads nothing from other sites', () => {
    const loaded = [...pages].flatMap(([name, html]) =>
      [...html.matchAll(/<(?:script|img|link|iframe)\b[^>]*?\s(?:src|href)="(https?:[^"]*)"/g)].map(
        ([, link]) => `${name}: ${link}`,
      ),
    );
    expect(loaded).toEqual([]);
    const styles = readdirSync(join(site, 'assets')).filter((name) => name.endsWith('.css'));
    for (const name of styles) expect(readFileSync(join(site, 'assets', name), 'utf8')).not.toMatch(/url\(["']?http/);
  });

  test('is small enough to travel with the command, and has the licenses of what is inside', () => {
    const files = readdirSync(site, { recursive: true, encoding: 'utf8' });
    const bytes = files.map((name) => statSync(join(site, name)).size).reduce((sum, size) => sum + size, 0);
    expect(bytes).toBeLessThan(40 * 2 ** 20);
    const notices = readFileSync(join(site, 'THIRD-PARTY-NOTICES.txt'), 'utf8');
    for (const name of ['vitepress', 'vue', 'minisearch', 'typedoc']) expect(notices).toContain(`${name} `);
  });

  test.skipIf(!browserPath)(
    `shows each page on a desktop or on a phone${browserPath ? '' : `: ${noBrowser}`}`,
    { timeout: 600_000 },
    async () => {
      const server = await serveSite(folderOf(site) as SiteFiles, 0);
      onTestFinished(() => server.close());
      const browser = await startBrowser();
      onTestFinished(() => browser.close());
      const page = await browser.newPage();
      let problems: string[] = [];
      page.on('console', (message) => {
        const isIcon = message.location().url.endsWith('/favicon.ico'); // the API reference has none
        if (/^(?:error|warning)$/.test(message.type()) && !isIcon) problems.push(message.text());
      });
      page.on('pageerror', (error) => problems.push(String(error)));
      page.on('request', (request) => {
        if (!/^data:/.test(request.url()) && !request.url().startsWith(server.url)) problems.push(request.url());
      });
      page.on('response', (response) => {
        if (response.status() >= 400 && !response.url().endsWith('/favicon.ico'))
          problems.push(`${response.status()} ${response.url()}`);
      });
      // Decisions have one form, and pages of the API reference have one form each: a few of them are enough.
      const shown = [...pages.keys()].filter((name, index) => {
        if (isReference(name)) return index % 50 === 0;
        return name.startsWith('decisions/') ? index % 8 === 0 : name !== '404.html';
      });
      const found: Record<string, string[]> = {};
      // In turn: both forms of each page would take twice as long, and pages of a kind look alike.
      for (const [index, name] of shown.entries()) {
        const [width, colorScheme] = index % 2 === 0 ? ([1280, 'light'] as const) : ([390, 'dark'] as const);
        await page.setViewportSize({ width, height: 844 });
        await page.emulateMedia({ colorScheme });
        problems = [];
        await page.goto(server.url + name, { waitUntil: 'load' });
        const { isWide, missing } = await page.evaluate<{ isWide: boolean; missing: number }>(faultsOfPage);
        if (isWide && !isReference(name)) problems.push('is wider than the screen');
        if (missing > 0) problems.push(`${missing} pictures are missing`);
        if (problems.length > 0) found[`${name} at ${width} px`] = problems;
      }
      expect(found).toEqual({});
      // The search finds words in pages, without a server for it.
      await page.setViewportSize({ width: 1280, height: 844 });
      await page.goto(server.url);
      await page.keyboard.press('Control+k');
      await page.locator('.VPLocalSearchBox input').fill('terminator');
      await page.locator('.VPLocalSearchBox .result').first().waitFor();
    },
  );
});
