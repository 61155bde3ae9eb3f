// Builds the page into dist/page: one script and one style sheet, with the libraries inside, so that it works without internet.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

const require = createRequire(import.meta.url);
const uplot = dirname(require.resolve('uplot/package.json'));

mkdirSync('dist/page', { recursive: true });
await build({
  entryPoints: ['src/page/main.ts'],
  outfile: 'dist/page/page.js',
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2022',
  logLevel: 'warning',
});
const styles = [join(uplot, 'dist', 'uPlot.min.css'), 'src/page/page.css', 'src/page/snippet-dialog.css'];
writeFileSync('dist/page/page.css', styles.map((path) => readFileSync(path, 'utf8')).join('\n'));
for (const name of ['index.html', 'icon.svg']) copyFileSync(join('src', 'page', name), join('dist', 'page', name));

const { name, version, license } = JSON.parse(readFileSync(join(uplot, 'package.json'), 'utf8'));
const terms = readFileSync(join(uplot, 'LICENSE'), 'utf8').trim();
writeFileSync('dist/page/THIRD-PARTY-NOTICES.txt', `${name} ${version} (${license})\n\n${terms}\n`);
