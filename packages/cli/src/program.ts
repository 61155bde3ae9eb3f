/** All commands of `serpy`, and what they share: help, errors, exit status. */
import { Command, CommanderError, Help } from 'commander';
import { bench } from './commands/bench.js';
import { bridge } from './commands/bridge.js';
import { chat } from './commands/chat.js';
import { demo } from './commands/demo.js';
import { docs } from './commands/docs.js';
import { doctor } from './commands/doctor.js';
import { exportCommand } from './commands/export.js';
import { hub } from './commands/hub.js';
import { keygen } from './commands/keygen.js';
import { listen } from './commands/listen.js';
import { record } from './commands/record.js';
import { replay } from './commands/replay.js';
import { request } from './commands/request.js';
import { send } from './commands/send.js';
import { simulate } from './commands/simulate.js';
import { verify } from './commands/verify.js';
import { view } from './commands/view.js';
import type { Context } from './environment/context.js';
import { type ExitStatus, report } from './failure.js';
import { type Example, helpText, wrapHelpText } from './flags/help-text.js';
import { version } from './version.js';

/** The groups of the help, in its order, each with its commands. */
const groups: Readonly<Record<string, readonly ((context: Context) => Command)[]>> = {
  'Get started:': [demo, docs, doctor],
  'Look and share:': [view, hub, bridge],
  'Exchange messages:': [listen, send, request, chat],
  'Record and replay:': [record, replay, verify, exportCommand],
  'Test:': [simulate, bench],
  'Security:': [keygen],
};

const firstSteps: readonly Example[] = [
  ['a camera that streams, and a cable that is pulled', 'serpy demo'],
  ['in one terminal: print incoming messages', 'serpy listen'],
  ['in another terminal: send one', 'serpy send hello'],
];

const footer = `
"serpy COMMAND --help" shows the options of a command, and examples.

Environment:
  SERPY_PORT, SERPY_KEY_FILE and so on set options; a flag takes precedence.
  NO_COLOR=1 disables colors.

Exit status:
  0  success, also after Ctrl-C
  1  failure
  2  wrong command line

serpy ${version}
Documentation:     serpy docs
Report a problem:  https://github.com/serpy-node/serpy/issues`;

/** The command line, ready to be parsed. */
export function program(context: Context): Command {
  const { terminal } = context;
  const outputError = (text: string) => terminal.note(terminal.noteColors.red('serpy:'), ` ${asSentence(text)}`);
  const root = new Command('serpy')
    .description(helpText('Direct TCP messaging between instruments and workstations.', context, firstSteps))
    .usage('COMMAND [arguments]')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpCommand(
      new Command('help').argument('[command]').summary('Show the help of a command').helpGroup('Get started:'),
    )
    .option('--debug', 'print the stack of an error')
    .addHelpText('after', footer)
    .exitOverride()
    .configureHelp({
      showGlobalOptions: true,
      minWidthToWrap: 20,
      subcommandTerm: (command) => command.name(),
      styleTitle: (title) => title.replace('Global Options', 'Global options'),
      boxWrap(text, width) {
        return wrapHelpText(text, (part) => Help.prototype.boxWrap.call(this, part, width));
      },
    })
    .configureOutput({
      writeOut: (text) => void terminal.stdout.write(text),
      writeErr: (text) => void terminal.stderr.write(text),
      getOutHelpWidth: () => terminal.columns,
      getErrHelpWidth: () => terminal.columns,
      getOutHasColors: () => terminal.colors.isColorSupported,
      getErrHasColors: () => terminal.noteColors.isColorSupported,
      outputError,
    });
  for (const [group, commands] of Object.entries(groups)) {
    for (const create of commands) {
      const command = create(context).copyInheritedSettings(root).helpOption('-h, --help', 'print this help');
      const usage = `serpy ${command.name()} ${command.usage()}`;
      command.configureOutput({
        outputError: (text) =>
          outputError(text.includes('missing required argument') ? `${text} (usage: ${usage})` : text),
      });
      root.addCommand(command.helpGroup(group));
    }
  }
  return root;
}

/** Runs a command line and resolves with the exit status. Never rejects. */
export async function run(args: readonly string[], context: Context): Promise<ExitStatus> {
  const root = program(context);
  try {
    if (args.length === 0) root.outputHelp();
    else await root.parseAsync(unknownTopic(args, root) ?? args, { from: 'user' }).catch(unlessShown);
    await context.terminal.flush(); // commander writes help without `print`
    return 0;
  } catch (error) {
    return report(error, context, args.includes('--debug'));
  }
}

/** Commander throws an error after help and version. */
function unlessShown(error: unknown): void {
  if (!(error instanceof CommanderError && error.exitCode === 0)) throw error;
}

/** `help x` of an unknown command becomes `x`: commander would print the whole help and would not say what is wrong. */
function unknownTopic(args: readonly string[], { commands }: Command): string[] | undefined {
  const [first, name] = args.filter((arg) => !arg.startsWith('-'));
  if (first !== 'help' || name === undefined) return undefined;
  if (name === 'help') return ['--help'];
  return commands.some((each) => each.name() === name) ? undefined : [name];
}

/** Commander's `error: unknown command 'x'\n(Did you mean y?)` on one line. */
function asSentence(text: string): string {
  return text
    .trim()
    .replace(/^error: /, '')
    .replaceAll(/\s*\n\s*/g, ' ');
}
