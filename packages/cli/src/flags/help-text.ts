/** The text at the start of a command's help: what the command does, and examples. */
import type { Context } from '../environment/context.js';

/** One example: what it does, what to type, and what to type in PowerShell where that differs. */
export type Example = readonly [does: string, command: string, powerShell?: string];

const heading = '\n\nExamples:\n';

/** For `command.description(…)`. On Windows the examples are those for PowerShell. */
export function helpText(does: string, { platform }: Pick<Context, 'platform'>, examples: readonly Example[]): string {
  const shown = examples.map(([purpose, command, powerShell = command]) => {
    return `  # ${purpose}\n  ${platform === 'win32' ? powerShell : command}`;
  });
  return `${does}${heading}${shown.join('\n')}`;
}

/** Wraps the text with a function of commander, and leaves the examples as they are, so that they can be copied. */
export function wrapHelpText(text: string, wrap: (text: string) => string): string {
  const [does = '', ...examples] = text.split(heading);
  return [wrap(does), ...examples].join(heading);
}
