/** What all commands have in common: help, errors, exit status; and that the readme says the same. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import type { Command } from 'commander';
import { connect } from 'serpy';
import { describe, expect, test } from 'vitest';
import { readPage } from '../../../test/docs/pages.js';
import { packages, root } from '../../../test/workspace.js';
import { createTerminal, printable } from '../src/environment/terminal.js';
import { failure, report, toSentence, usageError } from '../src/failure.js';
import { duration } from '../src/flags/value-parsers.js';
import { program, run as serpy } from '../src/program.js';
import { Run, runToEnd } from './run.js';

const { context } = new Run(['--version']);
const all = program(context);
const named = (name: string) => all.commands.find((each) => each.name() === name);

const longNames = (command: Command) => command.options.map(({ long }) => long as string);
const helpOf = (command: Command) => {
  let text = '';
  const writeOut = (part: string) => {
    text += part;
  };
  command.configureOutput({ writeOut });
  command.outputHelp();
  return text;
};

describe('help', () => {
  test('without arguments is short, starts with examples, groups the commands, and is not a failure', async () => {
    const { status, stdout, stderr } = await runToEnd([]);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout.split('\n').length).toBeLessThan(64);
    expect(stdout).toMatch(/^Usage: .*\n\n.*\n\nExamples:\n {2}# .*\n {2}serpy demo\n/);
    const headings = [...stdout.matchAll(/^\w.*:$/gm)].map(([heading]) => heading);
    expect(headings).toEqual([
      ...[
        'Examples:',
        'Options:',
        'Get started:',
        'Look and share:',
        'Exchange messages:',
        'Record and replay:',
        'Test:',
        'Security:',
      ],
      ...['Environment:', 'Exit status:'],
    ]);
    for (const each of all.commands) expect(stdout).toMatch(new RegExp(`^  ${each.name()} +[A-Z].{0,49}$`, 'm'));
    expect(stdout).toContain('https://github.com/serpy-node/serpy/issues');
  });

  test.each(all.commands.map((each) => [each.name(), each] as const))('of %s has examples', async (name, command) => {
    const { status, stdout, stderr } = await runToEnd([name, '--help']);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^Usage: .*\n\n(?:.+\n)+\nExamples:\n {2}# /);
    expect(stdout).toContain(`\n  serpy ${name}`);
    expect(stdout).not.toContain('ConvertFrom-Json');
    expect(stdout).toContain('--debug');
    expect(await runToEnd(['help', name])).toEqual({ status: 0, stdout, stderr: '' });
    expect(command.summary()).toMatch(/^[A-Z].*[^.]$/);
  });

  test('shows the default of a time as it is typed', () => {
    const times = all.commands.flatMap(({ options }) => options.filter(({ flags }) => flags.endsWith('<time>')));
    expect(times.length).toBeGreaterThan(5);
    for (const { defaultValue, defaultValueDescription } of times) {
      if (defaultValue === undefined) continue;
      expect(duration('--time')(defaultValueDescription ?? '')).toBe(defaultValue);
    }
    expect(helpOf(named('send')!).replaceAll(/\s+/g, ' ')).toContain('reads nothing for this long (default: 30s)');
  });

  test('of an unknown command is the same sentence as that of the command', async () => {
    const { status, stdout, stderr } = await runToEnd(['help', 'lisen']);
    expect([status, stdout, stderr]).toEqual([2, '', "serpy: unknown command 'lisen' (Did you mean listen?)\n"]);
    expect(await runToEnd(['help', 'x', '--debug'])).toMatchObject({ status: 2 });
    expect(await runToEnd(['help', 'help'])).toMatchObject({ status: 0, stderr: '' });
    expect((await runToEnd(['help'])).stdout).toBe((await runToEnd(['--help'])).stdout);
  });

  test('fits the width of the terminal, apart from the examples', async () => {
    const { stdout } = await runToEnd(['listen', '--help'], { columns: 60 });
    const rows = stdout.replace(/Examples:\n(?: .*\n)+/, '').split('\n');
    expect(Math.max(...rows.map((row) => row.length))).toBeLessThanOrEqual(60);
    expect(stdout).toContain('  serpy listen serpy2+tls://0.0.0.0:5001 --key-file lab.key\n');
  });

  test('on Windows has examples for PowerShell', async () => {
    const { stdout } = await runToEnd(['bench', '--help'], { platform: 'win32' });
    expect(stdout).toContain('\n  (serpy bench --json | ConvertFrom-Json).roundTrip.p50Ms\n');
    expect(stdout).not.toContain('jq');
  });

  test.each([
    ['listen', 'default: serpy://127.0.0.1:5001'],
    ['simulate', 'default: serpy2://127.0.0.1:5001'],
    ['doctor', 'default: none: this computer'],
    ['replay', 'default: 127.0.0.1:5001, the recorded protocol'],
  ])('of %s shows the default of its URL', (name, text) => {
    expect(helpOf(named(name)!).replaceAll(/\s+/g, ' ')).toContain(text);
  });

  test.each(['doctor', 'bench', 'simulate'])('of %s has no --no-reconnect', (name) => {
    expect(longNames(named(name)!)).not.toContain('--no-reconnect');
  });
});

test.each([[[]], [['--help']], [['help', 'send']], [['--version']]])(
  '%j on a full stdout fails with a sentence',
  async (args) => {
    const run = new Run(['--version']);
    await run.ended;
    const full = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error('ENOSPC: no space'), { code: 'ENOSPC' })),
    });
    const [stdin, stderr] = [new PassThrough(), new PassThrough()];
    let output = '';
    stderr.on('data', (text) => {
      output += text;
    });
    const terminal = createTerminal({ stdin, stdout: full, stderr }, {}, run.context.interruption);
    expect(await serpy(args, { ...run.context, terminal })).toBe(1);
    expect(output).toBe('serpy: the disk is full (ENOSPC)\n');
  },
);

describe('a wrong command line', () => {
  test.each([
    [['lisen'], "unknown command 'lisen' (Did you mean listen?)"],
    [['listen', '--jsom'], "unknown option '--jsom' (Did you mean --json?)"],
    [['listen', 'a', 'b'], "too many arguments for 'listen'. Expected 1 argument but got 2."],
    [['listen', '--out'], "option '--out <folder>' argument missing"],
    [
      ['listen', '--protocol', 'v3'],
      "option '--protocol <name>' argument 'v3' is invalid. Allowed choices are v1, v2, auto, lines.",
    ],
    [['listen', 'serpy3://x:1'], 'is not a URL such as'],
    [['listen', '-o', 'maxMesageBytes=1'], 'did you mean maxMessageBytes?'],
    [['listen', '--debug', '--no-reconnect'], '--no-reconnect is for clients, and this command is a server: omit it'],
  ])('%j ends with 2 and a sentence', async (args, expected) => {
    const { status, stdout, stderr } = await runToEnd(args.filter((each) => each !== '--debug'));
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^serpy: [^\n]+\n$/);
    expect(stderr).toContain(expected);
  });

  test.each([
    [2, ['send', 'x', '--key-file', 'none.key']],
    [2, ['send', 'x', '--config', 'none.json']],
    [2, ['send', 'x', '--tls-ca', 'none.pem']],
    [2, ['send', '--file', 'none.bin']],
    [2, ['replay', 'none']],
    [2, ['send', 'x', '--key-file', '']],
    [2, ['send', 'x', '--config', '']],
    [2, ['send', 'x', '--tls-ca', '']],
    [2, ['send', '--file', '']],
  ])('a missing file ends with %d, as the readme says: %j', async (expected, args) => {
    const { status, stderr } = await runToEnd(args);
    expect([status, stderr]).toEqual([
      expected,
      expect.stringMatching(/^serpy: .*(?:none|file ''|an empty file name)/),
    ]);
  });

  test('an unknown variable of the environment is reported', async () => {
    const { status, stderr } = await runToEnd(['send', 'x'], { env: { SERPY_PROT: '1' } });
    expect([status, stderr]).toEqual([2, expect.stringContaining('did you mean SERPY_PORT?')]);
  });
});

describe('errors', () => {
  const printed = (error: unknown, isDebugging = false) => {
    const run = new Run(['--version']);
    const status = report(error, run.context, isDebugging);
    return run.ended.then(({ stderr }) => ({ status, stderr }));
  };

  test('are one sentence', async () => {
    expect(await printed(failure('no luck'))).toEqual({ status: 1, stderr: 'serpy: no luck\n' });
    expect(await printed(usageError('no such thing'))).toEqual({ status: 2, stderr: 'serpy: no such thing\n' });
    expect(await printed(new Error('two\nlines\x1b[2J'))).toEqual({
      status: 1,
      stderr: 'serpy: two\\nlines\\u001b[2J\n',
    });
    expect(await printed('not even an error')).toEqual({ status: 1, stderr: 'serpy: not even an error\n' });
  });

  test('end with the code of serpy, also that of the cause', async () => {
    const error: unknown = await connect({ autoRestart: false, protocol: 'v2', port: 1, waitForServer: false }).catch(
      (reason: unknown) => reason,
    );
    expect(await printed(error)).toMatchObject({ stderr: expect.stringMatching(/ \[ERR_SERPY_CONNECT\]\n$/) });
    expect(await printed(failure('no luck', error))).toMatchObject({ stderr: 'serpy: no luck [ERR_SERPY_CONNECT]\n' });
  });

  test('show their stack and causes only with --debug', async () => {
    const { stderr } = await printed(failure('no luck', new TypeError('why')), true);
    expect(stderr).toMatch(/^Failure: no luck\n {4}at .*\ncaused by TypeError: why\n {4}at .*\nserpy: no luck\n$/s);
  });

  test('of the file system are in words', () => {
    expect(toSentence(Object.assign(new Error('x'), { code: 'ENOSPC', path: 'a.bin' }))).toBe(
      'a.bin: the disk is full (ENOSPC)',
    );
    expect(toSentence(Object.assign(new Error('x'), { code: 'ENOSPC' }))).toBe('the disk is full (ENOSPC)');
    expect(toSentence(Object.assign(new Error('as it is'), { code: 'EWHATEVER' }))).toBe('as it is');
  });
});

test('text from elsewhere is printed without control characters', () => {
  expect(printable('a\tb\u0000\u007f\u009b2J\u2028 µ 漢字 🙂')).toBe('a\\tb\\u0000\\u007f\\u009b2J\\u2028 µ 漢字 🙂');
});

test('the first interruption aborts the signal, and a second one ends the program', () => {
  const run = new Run(['--version']);
  run.interrupt('closed pipe');
  run.interrupt('SIGINT');
  expect([run.context.interruption.cause, run.killed]).toEqual(['closed pipe', 0]);
  const other = new Run(['--version']);
  other.interrupt('SIGTERM');
  other.interrupt('closed pipe');
  expect(other.killed).toBe(0);
  other.interrupt('SIGINT');
  expect([other.context.interruption.cause, other.killed]).toEqual(['SIGTERM', 1]);
});

describe('the readme', () => {
  const page = readPage('packages/cli/README.md', readFileSync(join(root, 'packages/cli/README.md'), 'utf8'));
  const sections = new Map(page.text.split(/^## /m).map((section) => [section.split('\n', 1)[0], section]));
  const shared = sections.get('Address and connection') ?? '';
  const optionsIn = (text: string) =>
    [...text.matchAll(/^\|([^|]*)\|/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`(--[\w-]+)/g)].map(([, name]) => name),
    );
  const ofConnections = new Set(['listen', 'send', 'chat'].flatMap((name) => longNames(named(name) as Command)));

  test('has every command, with its options and no others', () => {
    const common = new Set(optionsIn(shared));
    for (const each of all.commands) {
      const own = longNames(each).filter((name) => !common.has(name) || !ofConnections.has(name));
      expect(optionsIn(sections.get(`serpy ${each.name()}`) ?? '').sort(), each.name()).toEqual(own.sort());
    }
    expect([...common].filter((name) => !ofConnections.has(name as string))).toEqual([]);
  });

  test('links every command in its table', () => {
    const rows = page.tables.find(({ headings }) => headings.join() === 'command,does')?.rows ?? [];
    const names = rows.map(({ command = '' }) => /`serpy (\w+)/.exec(command)?.[1]);
    expect(names.sort()).toEqual(all.commands.map((each) => each.name()).sort());
  });
});

/** Every `serpy COMMAND …` in a text. */
function commandLines(text: string): { line: string; name: string; options: string[] }[] {
  const found = text.matchAll(/(?<![\w/-])serpy ((?!COMMAND)[a-z]+)((?:(?![|`)#]|serpy ).)*)/g);
  return [...found].map(([line, name = '', rest = '']) => ({
    line,
    name,
    options: [...rest.matchAll(/(?<=\s)(--?[a-z][\w-]*)/g)].map(([, option = '']) => option),
  }));
}

describe('command lines', () => {
  const known = (name: string) => {
    const command = named(name);
    const options = [...(command?.options ?? []), ...all.options];
    return new Set(options.flatMap(({ long, short }) => [long, short]).concat('--help', '-h'));
  };
  const wrong = (text: string) =>
    commandLines(text)
      .filter(({ name }) => named(name))
      .filter(({ name, options }) => options.some((option) => !known(name).has(option)))
      .map(({ line }) => line);

  test('in the help are made of options that there are', () => {
    expect(wrong('serpy listen --nonsense')).toEqual(['serpy listen --nonsense']);
    for (const each of all.commands) expect(wrong(helpOf(each).split('Examples:')[1] ?? '')).toEqual([]);
  });

  test('in the documentation are made of options and commands that there are', () => {
    const paths = ['README.md', ...packages.map((folder) => `packages/${folder}/README.md`)];
    const blocks = paths.flatMap((path) => readPage(path, readFileSync(join(root, path), 'utf8')).blocks);
    const typed = blocks.filter(({ language }) => language === 'sh').map(({ code }) => code);
    expect(typed.flatMap(wrong)).toEqual([]);
    const names = typed.flatMap((text) => [...text.matchAll(/^(?:\$ )?serpy (\w+)/gm)].map(([, name = '']) => name));
    expect(names.filter((name) => !named(name))).toEqual([]);
    expect(names.length).toBeGreaterThan(2);
  });
});
