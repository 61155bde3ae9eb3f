/** The connection of a command: URL and options of the package `serpy`, from the command line, the environment and a file. */
import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import {
  type ConnectOptions,
  environmentOptions,
  type ListenOptions,
  loadConfig,
  type ProtocolName,
  parseUrl,
} from 'serpy';
import type { Context } from '../environment/context.js';
import { usageError } from '../failure.js';
import { duration, wholeNumber } from './value-parsers.js';

/** The role of a command. */
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
  readonly reconnect?: boolean;
  readonly wait?: true | number;
  readonly insecure?: true;
}

/** The options of a command, with a protocol. */
export type CommandOptions = ConnectOptions & ListenOptions & { readonly protocol: ProtocolName };

/** The port without a URL and without `--port`. */
export const defaultPort = 5001;

/** The connection flags that a command has. */
export interface FlagSet {
  /** `either` where an option of the command decides. */
  readonly end: End | 'either';
  /** Whether a client reconnects, unless `--no-reconnect` is given. Default true. */
  readonly reconnects?: boolean;
  /** Whether a client offers `--wait`. Default true. */
  readonly waits?: boolean;
}

const hostIs = { connect: 'of the peer', listen: 'to listen on', either: 'of the peer, or to listen on' } as const;

export const urlText =
  'serpy://HOST:PORT detects the protocol, serpy1:// is v1, serpy2:// is v2, lines:// is lines of text; +tls encrypts';

/** Adds the argument `[url]` and the options of a connection to a command. @param defaultUrl as the help shows it */
export function addConnectionOptions(
  command: Command,
  flags: FlagSet,
  defaultUrl = `serpy://127.0.0.1:${defaultPort}`,
): Command {
  return addConnectionFlags(command.argument('[url]', `${urlText} (default: ${defaultUrl})`), flags);
}

/** The options without the argument, for a command that has its own argument for the URL. */
export function addConnectionFlags(command: Command, { end, reconnects = true, waits = true }: FlagSet): Command {
  const group = 'Connection:';
  const add = (flags: string, description: string, parse?: (text: string) => unknown) => {
    const option = new Option(flags, description).helpGroup(group);
    if (parse) option.argParser(parse);
    command.addOption(option);
  };
  command.addOption(
    new Option('--protocol <name>', 'the protocol, instead of the one in the URL')
      .choices(['v1', 'v2', 'auto', 'lines'])
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
  if (end !== 'listen') {
    if (waits)
      add(
        '--wait [time]',
        'wait for a server that is not there yet, at most this long, such as 10s',
        duration('--wait'),
      );
    if (reconnects) add('--no-reconnect', 'end when the connection breaks (clients)');
  }
  if (end !== 'connect') add('--insecure', 'accept other computers without a key or certificates (servers)');
  return command;
}

/**
 * The options for `connect` or `listen`. Flags take precedence over the environment, and that over the file.
 * The default is port 5001 of this computer, over both protocols.
 * @param defaults the command's own defaults, in place of those of the package
 */
export function connectionOptions(
  url: string | undefined,
  flags: ConnectionFlags,
  end: End,
  { env }: Pick<Context, 'env'>,
  defaults: Readonly<Record<string, unknown>> = {},
): CommandOptions {
  const options = environmentOrFile(flags.config, env);
  if (url !== undefined) merge(options, urlOptions(url));
  merge(options, typedOptions(flags.option ?? []));
  const { protocol, host, port, keyFile } = flags;
  const [, bareHost, hostPort] = /^([^:]+|\[.*\]):(\d+)$/.exec(host ?? '') ?? [];
  if (bareHost) throw usageError(`--host takes a host without a port: write --host ${bareHost} --port ${hostPort}`);
  merge(options, { protocol, host, port, key: keyFile === undefined ? undefined : { file: keyFile }, tls: tls(flags) });
  for (const [name, isGiven] of Object.entries({ '--no-reconnect': flags.reconnect === false, '--wait': flags.wait })) {
    if (end === 'listen' && isGiven) throw usageError(`${name} is for clients, and this command is a server: omit it`);
  }
  if (end === 'connect' && flags.insecure)
    throw usageError('--insecure is for servers, and this command is a client: omit it');
  merge(options, {
    autoRestart: flags.reconnect === false ? false : undefined,
    waitForServer: flags.wait,
    insecure: flags.insecure,
  });
  // A command fails at once if there is no server: its user sees it, and --wait waits.
  const client = end === 'connect' && {
    waitForServer: false,
    ...(flags.reconnect === undefined && { autoRestart: false }),
  };
  for (const [name, value] of Object.entries({ protocol: 'auto', port: defaultPort, ...client, ...defaults }))
    options[name] ??= value;
  return options as unknown as CommandOptions; // connect and listen check them
}

/** A parser for sizes such as `50_000`, `2MB` or `1.5GiB`; a number alone is in bytes. Returns bytes. */
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

/** A new object with the options of the file and the environment. */
function environmentOrFile(config: string | undefined, env: Context['env']): Record<string, unknown> {
  if (config !== undefined) return loadConfig(config, { env }) as unknown as Record<string, unknown>;
  const options = environmentOptions(env);
  // The package ignores options of the environment that are for the other end. Without variables, flags are checked strictly.
  return Object.keys(options).length > 0 ? options : {};
}

function urlOptions(url: string): Record<string, unknown> {
  if (/^\d+$/.test(url)) throw usageError(`'${url}' is not a URL: write serpy://127.0.0.1:${url}, or --port ${url}`);
  const suggestion = suggestedUrl(url) ?? (/^[\w.-]+(:\d+)?$/.test(url) ? urlWith(url) : undefined);
  if (suggestion) throw usageError(`'${url}' is not a URL: write ${suggestion}`);
  return { ...parseUrl(url) };
}

/**
 * The URL for an address without a scheme: 192.168.1.20, [::1]:5001, labpc:5001. Undefined for what can also be a text, such as
 * 12:30 or CH1:2.
 */
export function suggestedUrl(text: string): string | undefined {
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

/** Options as `name=value`, parsed like the parameters of a URL. */
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
    throw usageError(`cannot read the file ${path || "''"}: ${(cause as Error).message}`, cause);
  }
}

/** Overwrites options; those of a group such as `sendQueue` one by one. A key and a key file replace each other. */
function merge(options: Record<string, unknown>, newer: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(newer)) {
    if (value === undefined) continue;
    const old = options[name];
    options[name] = name !== 'key' && isGroup(old) && isGroup(value) ? { ...old, ...value } : value;
  }
}

function isGroup(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
