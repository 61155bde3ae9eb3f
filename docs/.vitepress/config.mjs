// The documentation site. Pages stay where they are in the repository; see pages.mjs for their places here.
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { renderMermaidSVG } from 'beautiful-mermaid';
import { defineConfig } from 'vitepress';
import { anchorOf, placeOf, root, sidebar, siteLink } from './pages.mjs';

/** The folder of the site on its server. */
const base = process.env.SITE_BASE ?? '/';

const icon = readFileSync(join(root, 'packages/serpy-view/src/page/icon.svg'), 'utf8');

const fileOf = (env) => relative(root, env.path).replaceAll('\\', '/');

/** Links of the repository become links of the site. */
function links(md) {
  md.core.ruler.push('site-links', ({ tokens, env }) => {
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      const href = token.type === 'link_open' && token.attrGet('href');
      if (href) token.attrSet('href', siteLink(fileOf(env), href));
    }
  });
}

/** Diagrams are drawn when the site is built: a page loads no script for them, and nothing from other sites. */
function diagrams(md) {
  const fence = md.renderer.rules.fence;
  md.renderer.rules.fence = (tokens, index, ...rest) => {
    const { info, content } = tokens[index];
    if (info.trim() === 'vector') tokens[index].info = 'txt'; // a form of these pages
    if (info.trim() !== 'mermaid') return fence(tokens, index, ...rest);
    // Colors and fonts come from the style sheet of the theme.
    const drawing = renderMermaidSVG(content)
      .replace(/<style>[\s\S]*?<\/style>/, '')
      .replace(/ style="[^"]*"/, '');
    return `<div class="diagram" tabindex="0" v-pre>${drawing.replaceAll(/\n\s*\n/g, '\n')}</div>\n`;
  };
}

/** Wide tables scroll by themselves, and by the keyboard. */
function tables(md) {
  md.renderer.rules.table_open = () => '<table tabindex="0">\n';
}

export default defineConfig({
  title: 'serpy for Node',
  description: 'Direct TCP messaging between scientific instruments and workstations',
  lang: 'en-US',
  base,
  srcDir: '..',
  srcExclude: ['**/{node_modules,dist,api}/**', 'test/**', 'scripts/**', 'packages/*/{src,test}/**'],
  rewrites: (file) => placeOf(file) ?? file,
  outDir: '.vitepress/dist',
  cacheDir: '../node_modules/.cache/vitepress',
  // typedoc writes the API reference after the pages.
  ignoreDeadLinks: [/\/api\/index/, /^http:\/\/localhost/],
  markdown: {
    anchor: { slugify: anchorOf },
    toc: { slugify: anchorOf },
    config(md) {
      links(md);
      diagrams(md);
      tables(md);
    },
  },
  head: [['link', { rel: 'icon', type: 'image/svg+xml', href: `data:image/svg+xml,${encodeURIComponent(icon)}` }]],
  themeConfig: {
    nav: [
      { text: 'Tutorials', link: '/tutorials/first-instrument.html' },
      { text: 'Guides', link: '/#do-how-to-guides' },
      { text: 'Command', link: '/packages/cli.html' },
      { text: 'API', link: '/api/index.html', target: '_self' },
    ],
    sidebar: sidebar(),
    outline: [2, 3],
    search: { provider: 'local' },
    docFooter: { prev: 'Previous page', next: 'Next page' },
  },
  vite: { server: { host: '127.0.0.1' }, build: { chunkSizeWarningLimit: 3000 } },
});
