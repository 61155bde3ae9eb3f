/** What a recording tells about itself besides its messages: the user's notes, the computer, the versions, the options without secrets. */
import { arch, hostname, release, type as systemName, userInfo } from 'node:os';
import type { Metadata } from 'serpy-recording';
import { usageError } from '../failure.js';
import { version } from '../version.js';

const maxNoteLength = 10_000;
const maxEntries = 64;
const maxNameLength = 64;
const maxValueLength = 1000;

/** A parser for `--note`. */
export function noteText(text: string): string {
  if (text.length <= maxNoteLength) return text;
  throw usageError(`--note takes at most ${maxNoteLength} characters, not ${text.length}: keep long texts in a file`);
}

/** A parser for `--meta name=value`, which can be repeated. */
export function metaEntry(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [, name, value = ''] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || !/^[\w.-]+$/.test(name) || name.length > maxNameLength) {
    const rule = `at most ${maxNameLength} letters, digits and . _ -`;
    throw usageError(`--meta takes name=value, such as sample=12, with a name of ${rule}, not '${text.slice(0, 100)}'`);
  }
  if (Object.hasOwn(before, name)) throw usageError(`--meta ${name} is given twice: give each name once`);
  if (value.length > maxValueLength)
    throw usageError(`--meta ${name} has ${value.length} characters, and the limit is ${maxValueLength}`);
  if (Object.keys(before).length >= maxEntries) throw usageError(`--meta can be given at most ${maxEntries} times`);
  return { ...before, [name]: value };
}

export interface MetadataFlags {
  readonly note?: string;
  readonly meta?: Readonly<Record<string, string>>;
}

/** The metadata of a recording. @param options of the connection */
export function metadataOf(url: string, options: object, { note, meta }: MetadataFlags): Metadata {
  return {
    url: url.replaceAll(/\/\/[^/@]*@/g, '//'),
    ...(note === undefined ? {} : { note }),
    ...(meta === undefined ? {} : { meta }),
    origin: {
      program: `serpy-cli ${version}`,
      node: process.version,
      computer: hostname(),
      ...userName(),
      system: `${systemName()} ${release()} ${arch()}`,
      timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    },
    options: withoutSecrets(options),
  };
}

function userName(): { readonly user?: string } {
  try {
    return { user: userInfo().username };
  } catch {
    return {}; // the system does not know the user, as in some containers
  }
}

/** Keys, certificates and their passwords. */
const secretNames = ['key', 'pfx', 'passphrase', 'cert', 'ca'];

/** Options as JSON can hold them. */
function withoutSecrets(options: object, depth = 0): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(options).flatMap(([name, value]) => {
      if (value === undefined || typeof value === 'function') return [];
      if (secretNames.includes(name)) return [[name, '(given)']];
      if (typeof value !== 'object' || value === null)
        return [[name, typeof value === 'bigint' ? String(value) : value]];
      return depth < 3 && !(value instanceof Uint8Array) ? [[name, withoutSecrets(value, depth + 1)]] : [];
    }),
  );
}
