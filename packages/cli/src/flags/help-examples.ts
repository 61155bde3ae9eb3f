/** The examples below a command's help. */

/** One example: what it does, what to type, and what to type in PowerShell where that differs. */
export type Example = readonly [does: string, command: string, powerShell?: string];

/** For `command.addHelpText('after', examples([…]))`. */
export function examples(all: readonly Example[]): string {
  const shown = all.map(([does, command, powerShell]) =>
    [`  # ${does}`, `  ${command}`, ...(powerShell ? [`  ${powerShell}   (PowerShell)`] : [])].join('\n'),
  );
  return `\nExamples:\n${shown.join('\n')}`;
}
