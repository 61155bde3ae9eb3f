/** `serpy keygen`: creates a key for both ends, in a file that only its owner can read. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { generateKey } from 'serpy';
import { saveFileAtomic } from '../atomic-file.js';
import type { Context } from '../environment/context.js';
import { usageError } from '../failure.js';
import { helpText } from '../flags/help-text.js';

const readableByOwner = 0o600;

export function keygen(context: Context): Command {
  return new Command('keygen')
    .summary('Create a key for encryption and authentication')
    .description(
      helpText('Create a key. It encrypts, and only programs that have it can connect.', context, [
        ['a key for both computers', 'serpy keygen lab.key'],
        ['then on the server', 'serpy listen serpy2+tls://0.0.0.0:5001 --key-file lab.key'],
        ['and on the client', 'serpy send serpy2+tls://192.168.1.20:5001 --key-file lab.key hello'],
      ]),
    )
    .argument('[file]', 'the file for the key', 'serpy.key')
    .option('--force', 'replace an existing key: programs with the old one can no longer connect')
    .action(async (file: string, { force }: { force?: true }) => {
      if (file === '') throw usageError('the file name is empty: name a file for the key, such as lab.key');
      if (statSync(file, { throwIfNoEntry: false })?.isDirectory())
        throw usageError(`${file} is a folder: name a file for the key, such as ${join(file, 'lab.key')}`);
      writeKey(file, force === true);
      for (const line of [`wrote ${file}`, readers(file, context.platform), '', ...nextSteps(file)]) {
        await context.terminal.printLines(line);
      }
    });
}

/** Writes the key atomically: an old key stays until the new one is complete, and a failure leaves no incomplete key. */
function writeKey(file: string, force: boolean): void {
  try {
    saveFileAtomic(file, `${generateKey()}\n`, { replace: force, mode: readableByOwner, durable: true });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST' || force) throw cause;
    throw usageError(`${file} exists and may be in use: name another file, or replace it with --force`, cause);
  }
}

/** Which users can read the file, as far as known. */
function readers(file: string, platform: NodeJS.Platform): string {
  if (platform === 'win32') {
    return [
      'every user who can read its folder can read it. To list these users, and to keep the file to yourself:',
      `  icacls "${file}"`,
      `  icacls "${file}" /inheritance:r /grant:r "%USERNAME%:F"`,
      `  icacls "${file}" /inheritance:r /grant:r "\${env:USERNAME}:F"   (PowerShell)`,
    ].join('\n');
  }
  const isPrivate = (statSync(file).mode & 0o077) === 0;
  return isPrivate
    ? 'only you can read it (permissions 0600)'
    : 'other users of this computer may be able to read it: this disk has no permissions, so move the file to one that has';
}

function nextSteps(file: string): string[] {
  return [
    'Copy this file to the other computer over a private channel (scp, a memory stick). Then:',
    `  server:  serpy listen serpy2+tls://0.0.0.0:5001 --key-file ${quoted(file)}`,
    `  client:  serpy send serpy2+tls://ADDRESS:5001 --key-file ${quoted(file)} hello`,
    "A program uses the option key: { file: '…' }, or the variable SERPY_KEY_FILE.",
  ];
}

function quoted(file: string): string {
  return /^[\w./:\\-]+$/.test(file) ? file : `"${file}"`;
}
