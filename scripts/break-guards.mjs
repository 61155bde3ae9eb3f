// Takes guards of the session out, one at a time, in a copy of the sources, and runs what must notice: `node scripts/break-guards.mjs`,
// or with the numbers of some. Ends with 1 when a guard can be taken out and nothing turns red.
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const handshake = 'packages/serpy-v2/src/handshake';

/** Bare sessions in simulated worlds; the number after which it was noticed is told. */
const simulation = { name: 'simulation', worlds: 5000 };
const vitest = (filter) => ({ name: `${filter.split('/').at(-1)}.test.ts`, filter });
const rules = vitest('serpy-v2/test/handshake/rules');
const lives = vitest('serpy-v2/test/handshake/lives');

/** What is guarded, where, what is written in its place, and what must notice. */
const guards = [
  [
    'a piece that comes twice is dropped',
    `${handshake}/inflow.ts`,
    'if (number !== this.#next) {',
    'if (number > this.#next) {',
    simulation,
  ],
  [
    'a gap ends the link',
    `${handshake}/inflow.ts`,
    'if (number !== this.#next) {\n      if (number > this.#next)',
    'if (number < this.#next) {\n      if (number > this.#next)',
    simulation,
  ],
  [
    'what was not acknowledged is sent again',
    `${handshake}/outflow.ts`,
    'this.#onWire = this.#kept.first;\n  }\n\n  /**',
    '}\n\n  /**',
    simulation,
  ],
  [
    'a piece is kept until it is acknowledged',
    `${handshake}/piece-queue.ts`,
    'this.#first >= number',
    'this.#first > number',
    simulation,
  ],
  [
    'no more messages than the peer allows',
    `${handshake}/outflow.ts`,
    'this.#startedMessages < this.#limits.messages',
    'this.#startedMessages <= this.#limits.messages',
    simulation,
  ],
  [
    'no more bytes than the peer allows',
    `${handshake}/outflow.ts`,
    ' && this.#sentBytes < this.#limits.bytes',
    '',
    simulation,
  ],
  [
    'the replay buffer is bounded',
    `${handshake}/outflow.ts`,
    'this.#kept.length >= this.#replay.maxMessages ||',
    '',
    simulation,
  ],
  ['the check of a frame is compared', `${handshake}/reader.ts`, 'if (crc !== stated)', 'if (false)', simulation],
  [
    'an attempt to come back counts once',
    `${handshake}/standing.ts`,
    'resume.attempt <= this.#attempt || ',
    '',
    simulation,
  ],
  [
    'a send settles once',
    `${handshake}/outflow.ts`,
    "if (message.level === 'processed') this.#untaken",
    "this.#output.acknowledged(message);\n    if (message.level === 'processed') this.#untaken",
    simulation,
  ],
  [
    'processed is said when the program has taken it',
    `${handshake}/outflow.ts`,
    '.end <= taken)',
    '.end <= next)',
    simulation,
  ],
  [
    'a server says nothing new before it was asked, nor a client before the answer',
    `${handshake}/handshake.ts`,
    "case 'fresh':\n        return true;",
    "case 'fresh':\n      case 'asked':\n      case 'answered':\n        return true;",
    simulation,
  ],
  ['a peer that is silent is given up', `${handshake}/heartbeat.ts`, "return 'dead';", 'return undefined;', simulation],
  [
    'a damaged length swallows no signs of life',
    `${handshake}/course.ts`,
    'if (isStuck && ',
    'if (isStuck && false && ',
    rules,
  ],
  [
    'the peer is told in time what has come',
    `${handshake}/inflow.ts`,
    '    this.#due = true;\n    this.#untoldMessages++;',
    '    this.#untoldMessages++;',
    simulation,
  ],
  [
    'a message of an earlier session counts for nothing',
    `${handshake}/inflow.ts`,
    'const end = stated - this.#earlier;',
    'const end = stated;',
    simulation,
  ],
  [
    'limits of a session that is lost count for nothing',
    `${handshake}/handshake.ts`,
    'course.up(resume ?',
    'course.up(false ?',
    simulation,
  ],
  [
    'an unknown message is told as it was sent',
    `${handshake}/outflow.ts`,
    'message.payload = piece.bytes();',
    '',
    simulation,
  ],
  [
    'a client that says nothing is not waited for',
    `${handshake}/handshake.ts`,
    'this.#deadlineMs = this.#nowMs + this.#settings.handshakeTimeoutMs;\n  }',
    'this.#deadlineMs = undefined;\n  }',
    rules,
  ],
  [
    'what was never sent is not acknowledged',
    `${handshake}/outflow.ts`,
    'if (next > this.#next || taken > this.#next)',
    'if (false)',
    rules,
  ],
  [
    'nothing beyond the window is taken',
    `${handshake}/inflow.ts`,
    'if (this.#isBeyondLimits()) {',
    'if (false) {',
    rules,
  ],
  [
    'the old link is ended before the new one counts',
    'packages/core/src/lifecycle.ts',
    "this.#link?.destroy('reset'); //",
    '//',
    lives,
  ],
  [
    'a full receive queue does not hold back a session',
    'packages/core/src/link.ts',
    'if (this.#mustWait()) this.#pause();\n    this.transport.start',
    'if (this.#owner.inboxFull) this.#pause();\n    this.transport.start',
    vitest('serpy-v2/test/handshake/slow-reader'),
  ],
];

const left = /(^|\/)(node_modules|dist|\.git|\.types|docs|examples)(\/|$)/;
const copy = mkdtempSync(join(tmpdir(), 'serpy-guards-'));
for (const name of ['packages', 'scripts', 'test', 'package.json', 'tsconfig.base.json', 'vitest.config.ts']) {
  cpSync(join(root, name), join(copy, name), {
    recursive: true,
    filter: (path) => !left.test(path.slice(root.length)),
  });
}
symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));

/** Runs what must notice: how it ended, and what it said. */
function run({ worlds, filter }) {
  const kept = join(copy, 'kept.json');
  rmSync(kept, { force: true });
  const args = filter
    ? ['node_modules/vitest/vitest.mjs', 'run', filter]
    : [
        'scripts/test-long.mjs',
        'simulation',
        '--worlds',
        `${worlds}`,
        '--few',
        '--kept-worlds',
        kept,
        '--hang-ms',
        '2000',
      ];
  return new Promise((done) => {
    execFile(
      process.execPath,
      args,
      { cwd: copy, env: { ...process.env, NO_COLOR: '1' }, timeout: 600_000, maxBuffer: 2 ** 26 },
      (error, stdout, stderr) => {
        done({ isRed: error !== null, text: stdout + stderr });
      },
    );
  });
}

/** How the first rule was broken, in a few words. */
function firstWords(text, isSimulation) {
  if (!isSimulation) return /(?:FAIL|×) .*? > (.*)/.exec(text)?.[1] ?? text.trim().split('\n').at(-1) ?? '';
  const [, seed, why = ''] = /\nworld (\d+): (.*)/.exec(text) ?? [];
  return seed ? `world ${seed}: ${why.slice(0, 90)}` : (/Error: (.*)/.exec(text)?.[1] ?? '');
}

let unnoticed = 0;
const wanted = process.argv.slice(2).map(Number);
console.log('| | guard | noticed by | how |\n| --: | --- | --- | --- |');
try {
  for (const [index, [what, file, guarded, broken, noticer]] of guards.entries()) {
    if (wanted.length > 0 && !wanted.includes(index + 1)) continue;
    const path = join(copy, file);
    const source = readFileSync(path, 'utf8');
    if (!source.includes(guarded))
      throw new Error(`${file} has no longer what guard ${index + 1} takes out: ${guarded}`);
    writeFileSync(
      path,
      source.replace(guarded, () => broken),
    );
    const { isRed, text } = await run(noticer);
    writeFileSync(path, source);
    if (!isRed) unnoticed++;
    const by = isRed ? noticer.name : '**nobody**';
    console.log(
      `| ${index + 1} | ${what} | ${by} | ${isRed ? firstWords(text, noticer === simulation).replaceAll('|', '/') : ''} |`,
    );
  }
} finally {
  rmSync(copy, { recursive: true });
}
process.exitCode = unnoticed > 0 ? 1 : 0;
