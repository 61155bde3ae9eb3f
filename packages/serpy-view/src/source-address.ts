/** The address of a source that the view connects to, for its snippets. */
import { basename } from 'node:path';
import { type ConnectOptions, parseUrl } from 'serpy';
import type { SourceInput } from 'serpy-hub';
import type { ConnectionSnippet } from './snippets/snippets.js';

/** Undefined for a connection or values of this program. */
export function addressOf(source: SourceInput): ConnectionSnippet | undefined {
  if (typeof source !== 'string' && (Symbol.asyncIterator in source || 'sendData' in source)) return undefined;
  const options = typeof source === 'string' ? (parseUrl(source) as unknown as ConnectOptions) : source;
  const { protocol = 'auto', host = '127.0.0.1', port, key, tls } = options as AnyOptions;
  const isKey = key !== undefined;
  return {
    kind: 'connection',
    role: 'connect',
    protocol,
    host,
    port,
    security: isKey ? 'key' : tls ? 'tls' : 'none',
    keyFile: fileOf(key),
  };
}

interface AnyOptions {
  readonly protocol?: ConnectionSnippet['protocol'];
  readonly host?: string;
  readonly port: number;
  readonly key?: unknown;
  readonly tls?: unknown;
}

/** The name of the key file without its folder. */
function fileOf(key: unknown): string | undefined {
  const file = typeof key === 'object' && key !== null && 'file' in key ? key.file : undefined;
  return typeof file === 'string' ? basename(file) : undefined;
}
