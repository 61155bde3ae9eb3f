/** All commands of `serpy`, and what they have in common: help, errors, exit status. */
import { Command, CommanderError, Option } from 'commander';
import { bench } from './commands/bench.js';
import { chat } from './commands/chat.js';
import { demo } from './commands/demo.js';
import { doctor } from './commands/doctor.js';
import { keygen } from './commands/keygen.js';
import { listen } from './commands/listen.js';
import { record } from './commands/record.js';
import { replay } from './commands/replay.js';
import { send } from './commands/send.js';
import { simulate } from './commands/simulate.js';
import type { Context } from './environment/context.js';
import { type ExitStatus, report } from './failure.js';
import { version } from './version.js';

/** In the order in which the help lists them. */
const commands: readonly ((context: Context) => Command)[] = [
  demo,
  simulate,
  listen,
  send,
  chat,
  record,
  replay,
  doctor,
  bench,
  keygen,
];

const firstSteps = `
Try first:
  serpy demo

Then, in two terminals:
  serpy listen
  serpy send hello

"serpy COMMAND --help" has examples for each command.`;

/** The command line, ready to be parsed. */
export function program(context: Context): Command {
  const { terminal } = context;
  const root = new Command('serpy')
    .description('Direct TCP messaging between instruments and workstations.')
    .usage('COMMAND [arguments]')
    .version(version, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show the help of a command')
    .addOption(new Option('--debug', 'with an error, show where it happened').helpGroup('Always:'))
    .addHelpText('after', firstSteps)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true, minWidthToWrap: 20 })
    .configureOutput({
      writeOut: (text) => void terminal.stdout.write(text),
      writeErr: (text) => void terminal.stderr.write(text),
      getOutHelpWidth: () => terminal.columns,
      getErrHelpWidth: () => terminal.columns,
      getOutHasColors: () => terminal.colors.isColorSupported,
      getErrHasColors: () => terminal.noteColors.isColorSupported,
      outputError: (text) => terminal.note(terminal.noteColors.red('serpy:'), ` ${asSentence(text)}`),
    });
  for (const create of commands) {
    const command = create(context).copyInheritedSettings(root).helpOption('-h, --help', 'show this help');
    root.addCommand(command);
  }
  return root;
}

/** Runs what was typed, and resolves with the exit status. Never rejects. */
export async function run(args: readonly string[], context: Context): Promise<ExitStatus> {
  const root = program(context);
  try {
    if (args.length === 0) root.outputHelp();
    else await root.parseAsync(helpOnNothing(args, root) ?? args, { from: 'user' }).catch(unlessShown);
    await context.terminal.flush(); // help goes past `print`
    return 0;
  } catch (error) {
    return report(error, context, args.includes('--debug'));
  }
}

/** Commander ends help and version with an error. */
function unlessShown(error: unknown): void {
  if (!(error instanceof CommanderError && error.exitCode === 0)) throw error;
}

/** `help x` of a command that there is not is as `x`: commander's own answer is all of the help and no word on what is wrong. */
function helpOnNothing(args: readonly string[], { commands: known }: Command): string[] | undefined {
  const [first, name] = args.filter((arg) => !arg.startsWith('-'));
  if (first !== 'help' || name === undefined) return undefined;
  if (name === 'help') return ['--help'];
  return known.some((each) => each.name() === name) ? undefined : [name];
}

/** Commander's `error: unknown command 'x'\n(Did you mean y?)` on one line. */
function asSentence(text: string): string {
  return text
    .trim()
    .replace(/^error: /, '')
    .replaceAll(/\s*\n\s*/g, ' ');
}
