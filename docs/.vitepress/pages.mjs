// Which files of the repository are pages of the site, where they are in it, and where their links lead there. The files
// themselves have links for readers of the repository.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, posix, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');

const repository = 'https://github.com/serpy-node/serpy';

/** Files of the root and of folders that have one page. */
const single = {
  'README.md': 'overview.md',
  'CONTRIBUTING.md': 'contributing.md',
  'CODE_OF_CONDUCT.md': 'code-of-conduct.md',
  'SECURITY.md': 'security.md',
  'CHANGELOG.md': 'changelog.md',
  'docs/README.md': 'index.md',
  'bench/README.md': 'bench/index.md',
  'examples/README.md': 'examples.md',
};

/** The place of a page in the site, such as `how-to/lines.md`; undefined for files that are not pages. */
export function placeOf(file) {
  if (single[file]) return single[file];
  const [, page] = /^docs\/((?!\.|api\/).+\.md)$/.exec(file) ?? [];
  if (page) return page;
  const [, name] = /^packages\/([\w-]+)\/README\.md$/.exec(file) ?? [];
  if (name) return `packages/${name}.md`;
  const [, run] = /^bench\/(published\/.+\.md)$/.exec(file) ?? [];
  return run && `bench/${run}`;
}

/** Every page of the repository, with its path from the root. */
export function listPages() {
  const below = (folder) =>
    readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = posix.join(folder, entry.name);
      if (entry.name.startsWith('.')) return []; // the site itself
      return entry.isDirectory() ? below(path) : [path];
    });
  const packages = readdirSync(join(root, 'packages')).map((name) => `packages/${name}/README.md`);
  const files = [...Object.keys(single), ...packages, ...below('docs'), ...below('bench/published')];
  return [...new Set(files)].filter((file) => placeOf(file) && existsSync(join(root, file))).sort();
}

/**
 * Where a link of a page leads in the site: to the place of that page, and to the repository for anything else.
 *
 * @param from the page, from the root
 * @param base the folder of the site on its server, such as `/`
 */
export function siteLink(from, link, base = '/') {
  if (/^(?:[a-z]+:|#|\/)/i.test(link)) return link;
  const [path, anchor] = link.split('#');
  const target = posix.normalize(posix.join(posix.dirname(from), path)).replace(/\/$/, '');
  if (target === 'docs/decisions') return `${base}architecture.html#decisions`;
  const place = placeOf(target) ?? placeOf(`${target}/README.md`);
  const suffix = anchor === undefined ? '' : `#${anchor}`;
  if (place) return `${base}${place.replace(/\.md$/, '.html').replace(/(^|\/)index\.html$/, '$1')}${suffix}`;
  const isFolder = existsSync(join(root, target)) && statSync(join(root, target)).isDirectory();
  return `${repository}/${isFolder ? 'tree' : 'blob'}/main/${target}${suffix}`;
}

/** The anchor of a heading, as the repository's web page has it. */
export function anchorOf(heading) {
  return heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M}\p{Pc} -]/gu, '')
    .replaceAll(' ', '-');
}

/** The headings and links of a page: its sidebar entries. */
function sectionsOf(file) {
  const text = readFileSync(join(root, file), 'utf8');
  return text.split(/^## /m).map((section) => ({
    title: section.slice(0, section.indexOf('\n')),
    items: [...section.matchAll(/(?<!!)\[([^\]]+)\]\(([^)]+)\)/g)].map(([, label, link]) => ({
      text: label.replaceAll('`', ''),
      link: siteLink(file, link),
    })),
  }));
}

/** The sidebar: the sections of docs/README.md, the packages and the decision records, each once. */
export function sidebar() {
  const sections = sectionsOf('docs/README.md').filter(({ items }) => items.length > 0);
  const groups = sections.map(({ title, items }, index) => {
    const named = /: (.+)$/.exec(title)?.[1] ?? title;
    const once = items.filter(({ link }, at) => items.findIndex((each) => each.link === link) === at);
    return { text: named[0].toUpperCase() + named.slice(1), collapsed: index > 1, items: once };
  });
  const reference = groups.find(({ text }) => text === 'Reference');
  reference?.items.unshift({ text: 'API reference', link: '/api/index.html', target: '_self' });
  const packages = listPages()
    .filter((file) => file.startsWith('packages/'))
    .map((file) => ({ text: /^# (.+)$/m.exec(readFileSync(join(root, file), 'utf8'))[1], link: siteLink('', file) }));
  const decisions = sectionsOf('docs/architecture.md').find(({ title }) => title === 'Decisions');
  return [
    {
      text: 'Start',
      items: [
        { text: 'Overview', link: '/overview.html' },
        { text: 'All pages', link: '/' },
      ],
    },
    ...groups,
    { text: 'Packages', collapsed: true, items: packages },
    { text: 'Decisions', collapsed: true, items: decisions?.items ?? [] },
  ];
}
