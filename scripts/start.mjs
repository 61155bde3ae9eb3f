// `npm start`: in a terminal the demo on its screen, anywhere else the main job, which checks itself and ends.
// Arguments go to the demo: `npm start -- --duration 20`. `npm start -- --view` also shows a web page.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root, setup } from './setup.mjs';

const isInTerminal = Boolean(process.stdin.isTTY && process.stdout.isTTY);
const isDemo = isInTerminal || process.argv.includes('--view');
const [program, ...args] = isDemo
  ? [join(root, 'packages', 'cli', 'dist', 'main.js'), 'demo', ...process.argv.slice(2)]
  : [join(root, 'scripts', 'example.mjs'), 'serpy/main-job'];

if (isDemo) setup();
// Ctrl-C goes to the program too, which ends in good order: this one waits for it.
process.on('SIGINT', () => {});
const { status } = spawnSync(process.execPath, [program, ...args], { stdio: 'inherit' });
process.exitCode = status ?? 1;
