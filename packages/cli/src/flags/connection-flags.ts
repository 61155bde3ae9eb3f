/** Which peer, and how: the URL and the facade's options, from the command line, the environment and a file. */
import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { type ConnectOptions, environmentOptions, type ListenOptions, loadConfig, parseUrl } from 'serpy';
import type { Context } from '../environment/context.js';
import { usageError } from '../failure.js';
import { wholeNumber } from './value-parsers.js';

/** The end that a command is. */
export type End = 'connect' | 'listen';

/** What commander gives for the options that `addConnectionOptions` adds. */
export interface ConnectionFlags {
  readonly protocol?: string;
  readonly host?: string;
  readonly port?: number;
  readonly keyFile?: string;
  readonly tls?: true;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly config?: string;
  readonly option?: readonly string[];
  readonly reconnect?: true;
  readonly insecure?: true;
}

/** Where a command goes when nobody says otherwise. */
export const defaultPort = 5001;

/**
 * For commands whose messages matter: they ask for a session, which loses nothing and tells what arrived. Whoever says v2 gets one only when
 * it is asked for; with a key, or without a word on the protocol, it is asked for anyway.
 */
export const withSession = { session: 'prefer' } as const;

/** The connection flags that a command has. */
export interface FlagSet {
  /** `either` where an option of the command decides. */
  readonly end: End | 'either';
  /** Whether a client offers `--reconnect`. Default true. */
  readonly reconnects?: boolean;
}

const hostIs = { connect: 'of the peer', listen: 'to listen on', either: 'of the peer, or to listen on' } as const;

export const urlText = 'serpy://HOST:PORT detects the protocol, serpy1:// is v1, serpy2:// is v2; +tls encrypts';

/** Adds the argument `[url]` and the options of a connection to a command. @param defaultUrl as the help shows it */
export function addConnectionOptions(
  command: Command,
  flags: FlagSet,
  defaultUrl = `serpy://127.0.0.1:${defaultPort}`,
): Command {
  return addConnectionFlags(command.argument('[url]', `${urlText} (default: ${defaultUrl})`), flags);
}

/** The options without the argument, for a command that has its own argument for the URL. */
export function addConnectionFlags(command: Command, { end, reconnects = true }: FlagSet): Command {
  const group = 'Connection:';
  const add = (flags: string, description: string, parse?: (text: string) => unknown) => {
    const option = new Option(flags, description).helpGroup(group);
    if (parse) option.argParser(parse);
    command.addOption(option);
  };
  command.addOption(
    new Option('--protocol <name>', 'the protocol, instead of the one in the URL')
      .choices(['v1', 'v2', 'auto'])
      .helpGroup(group),
  );
  add('--host <address>', `the host name or IP address ${hostIs[end]} (default: 127.0.0.1)`);
  add('--port <number>', `the port (default: ${defaultPort})`, wholeNumber('--port', 0, 65_535));
  add('--key-file <file>', 'the key of both ends, from "serpy keygen": encrypts and authenticates');
  add('--tls', 'encrypt with certificates');
  add('--tls-ca <file>', 'the certificate of the authority that signed that of the other end (PEM)');
  add('--tls-cert <file>', "this end's certificate (PEM)");
  add('--tls-key <file>', "the private key of this end's certificate (PEM)");
  add('--config <file>', 'a JSON file with options');
  command.addOption(
    new Option('-o, --option <name=value>', 'any option of docs/options.md, such as maxMessageBytes=1e9')
      .argParser((text: string, before: readonly string[] | undefined) => [...(before ?? []), text])
      .helpGroup(group),
  );
  if (reconnects && end !== 'listen') add('--reconnect', 'reconnect when the connection breaks (clients)');
  if (end !== 'connect') add('--insecure', 'accept other computers without a key or certificates (servers)');
  return command;
}

/**
 * The options for `connect` or `listen`. What is typed goes before the environment, and that before the file.
 * Where nobody names an address it is this computer, port 5001, over either protocol.
 * @param defaults what the command would rather have than the facade's defaults
 */
export function connectionOptions(
  url: string | undefined,
  flags: ConnectionFlags,
  end: End,
  { env }: Pick<Context, 'env'>,
  defaults: Readonly<Record<string, unknown>> = {},
): ConnectOptions & ListenOptions {
  const options = given(flags.config, env);
  if (url !== undefined) merge(options, urlOptions(url));
  merge(options, typedOptions(flags.option ?? []));
  const { protocol, host, port, keyFile } = flags;
  const [, hostAlone, portToo] = /^([^:]+|\[.*\]):(\d+)$/.exec(host ?? '') ?? [];
  if (hostAlone) throw usageError(`--host takes a host without its port: write --host ${hostAlone} --port ${portToo}`);
  merge(options, { protocol, host, port, key: keyFile === undefined ? undefined : { file: keyFile }, tls: tls(flags) });
  if (end === 'listen' && flags.reconnect)
    throw usageError('--reconnect is for a client, and this is a server: leave it out');
  if (end === 'connect' && flags.insecure)
    throw usageError('--insecure is for a server, and this is a client: leave it out');
  merge(options, { autoRestart: flags.reconnect, insecure: flags.insecure });
  for (const [name, value] of Object.entries({ protocol: 'auto', port: defaultPort, ...defaults })) {
    if (name !== 'session' || asksForSession(options)) options[name] ??= value;
  }
  return options as unknown as ConnectOptions & ListenOptions; // connect and listen check them
}

/** Whether nobody asks for a session unless this command does. */
function asksForSession({ protocol, key, tls }: Record<string, unknown>): boolean {
  return protocol === 'v2' && key === undefined && (tls === undefined || tls === false);
}

/** A parser for options that take a size, such as `50_000`, `2MB` or `1.5GiB`; a bare number is in bytes. In bytes. */
export function sizeInBytes(name: string): (text: string) => number {
  return (text) => {
    const [, digits = '', prefix = '', binary] =
      /^([\d_]+(?:\.\d+)?(?:e\d+)?)\s*(?:([kmgt]?)(i?)b)?$/i.exec(text.trim()) ?? [];
    const step = binary ? 1024 : 1000;
    const value =
      Number(digits.replaceAll('_', '') || Number.NaN) * step ** ' kmgt'.indexOf(prefix.toLowerCase() || ' ');
    if (Number.isSafeInteger(value) && value >= 1) return value;
    throw usageError(`${name} takes a size such as 50000, 2MB or 1.5GiB, not '${text}'`);
  };
}

/** A fresh object with the options of the file and the environment. */
function given(config: string | undefined, env: Context['env']): Record<string, unknown> {
  if (config !== undefined) return loadConfig(config, { env }) as unknown as Record<string, unknown>;
  const options = environmentOptions(env);
  return Object.keys(options).length > 0 ? options : {}; // those of the environment may be the other end's, what is typed may not
}

function urlOptions(url: string): Record<string, unknown> {
  if (/^\d+$/.test(url)) throw usageError(`'${url}' is no URL: write serpy://127.0.0.1:${url}, or --port ${url}`);
  const meant = meantUrl(url) ?? (/^[\w.-]+(:\d+)?$/.test(url) ? urlWith(url) : undefined);
  if (meant) throw usageError(`'${url}' is no URL: write ${meant}`);
  return { ...parseUrl(url) };
}

/**
 * The URL that somebody means who types an address: 192.168.1.20, [::1]:5001, labpc:5001. Undefined for what may as well be a text, such as
 * 12:30 or CH1:2.
 */
export function meantUrl(text: string): string | undefined {
  const address = text.replace(/\/$/, '');
  if (/^[\da-f:.]*::[\da-f:.]*(%[\w.-]+)?$/i.test(address)) return urlWith(`[${address.replace('%', '%25')}]`);
  const [, host = '', digits] = /^(\[[\da-f:.]+(?:%[\w.-]+)?\]|[\w.-]+)(?::(\d{1,5}))?$/i.exec(address) ?? [];
  const port = Number(digits ?? defaultPort);
  const isNumeric = /^\[|^\d{1,3}(?:\.\d{1,3}){3}$|^localhost$/i.test(host);
  const isName = /^[a-z\d][\w-]*(?:\.[a-z\d][\w-]*)*$/i.test(host) && /[a-z]/i.test(host);
  const isAddress = isNumeric || (isName && digits !== undefined && (host.includes('.') || port >= 1024));
  return isAddress && port <= 65_535 ? urlWith(address) : undefined;
}

function urlWith(address: string): string {
  return `serpy://${address}${/:\d+$/.test(address.replace(/^\[.*\]/, '')) ? '' : `:${defaultPort}`}`;
}

/** Options as `name=value`, read as the parameters of a URL are. */
function typedOptions(pairs: readonly string[]): Record<string, unknown> {
  const parameters = new URLSearchParams();
  for (const pair of pairs) {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
    if (name === undefined || value === undefined) throw usageError(`--option takes name=value, not '${pair}'`);
    parameters.append(name, value);
  }
  const { protocol, host, port, ...options }: Record<string, unknown> = {
    ...parseUrl(`serpy://127.0.0.1:1?${parameters}`),
  };
  const named = { protocol, host, port };
  for (const name of ['protocol', 'host', 'port'] as const) if (parameters.has(name)) options[name] = named[name];
  return options;
}

function tls({ tls: isOn, tlsCa, tlsCert, tlsKey }: ConnectionFlags): Record<string, unknown> | undefined {
  const files = { ca: tlsCa, cert: tlsCert, key: tlsKey };
  const read = Object.entries(files).flatMap(([name, path]) => (path === undefined ? [] : [[name, readPem(path)]]));
  return isOn || read.length > 0 ? Object.fromEntries(read) : undefined;
}

function readPem(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw usageError(`the file ${path || "''"} cannot be read: ${(cause as Error).message}`, cause);
  }
}

/** Puts options before others; those of a group such as `sendQueue` one by one. A key or its file takes the place of either. */
function merge(options: Record<string, unknown>, before: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(before)) {
    if (value === undefined) continue;
    const old = options[name];
    options[name] = name !== 'key' && isGroup(old) && isGroup(value) ? { ...old, ...value } : value;
  }
}

function isGroup(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
