/** `--snippet`: prints the lines of a program that reads the same, instead of doing it. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Command, Option } from 'commander';
import { openRecording } from 'serpy-recording';
import type { ConnectionSnippet, SnippetDescription, SnippetLanguage } from 'serpy-view';
import type { Context } from '../environment/context.js';
import type { CommandOptions, ConnectionFlags, End } from './connection-flags.js';

export interface SnippetFlag {
  readonly snippet?: SnippetLanguage;
}

export function addSnippetOption(command: Command): Command {
  return command.addOption(
    new Option('--snippet <language>', 'print a program that reads the same, and stop').choices([
      'python',
      'node',
      'matlab',
    ]),
  );
}

/** The lines for a connection, with the options of the command. */
export function connectionSnippet(options: CommandOptions, end: End, flags: ConnectionFlags): ConnectionSnippet {
  const { protocol, host = '127.0.0.1', port } = options;
  const { key, tls } = options as { readonly key?: unknown; readonly tls?: unknown };
  const file = flags.keyFile ?? fileOf(key);
  return {
    kind: 'connection',
    role: end,
    protocol,
    host,
    port,
    security: key !== undefined ? 'key' : tls !== undefined && tls !== false ? 'tls' : 'none',
    keyFile: file === undefined ? undefined : basename(file),
  };
}

/** What a program reads of a recording: one description for each file. Undefined if the folder holds none. */
export async function snippetsOfFolder(folder: string): Promise<readonly SnippetDescription[] | undefined> {
  if (!existsSync(join(folder, 'recording.json'))) return undefined;
  const { recordingSnippets } = await import('serpy-view');
  const recording = openRecording(folder);
  try {
    return recordingSnippets(recording, folder);
  } finally {
    recording.close();
  }
}

/** Prints the programs. Loads the page's package when it is needed. */
export async function printSnippets(
  { terminal }: Context,
  descriptions: readonly SnippetDescription[],
  language: SnippetLanguage,
): Promise<void> {
  const { snippetOf } = await import('serpy-view');
  const texts = descriptions.map((description) => snippetOf(description, language).trimEnd());
  await terminal.print(texts.join('\n\n'));
}

function fileOf(key: unknown): string | undefined {
  const file = typeof key === 'object' && key !== null && 'file' in key ? key.file : undefined;
  return typeof file === 'string' ? file : undefined;
}
