/** `serpy view`: a live web page. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { type ListenOptions, listen, type PortableConnection } from 'serpy';
import type { SnippetDescription, View } from 'serpy-view';
import type { Context } from '../environment/context.js';
import { toSentence, usageError } from '../failure.js';
import { addConnectionFlags, type ConnectionFlags, connectionOptions, urlText } from '../flags/connection-flags.js';
import { helpText } from '../flags/help-text.js';
import {
  addSnippetOption,
  connectionSnippet,
  printSnippets,
  recordingSnippets,
  type SnippetFlag,
} from '../flags/snippet-flag.js';
import { wholeNumber } from '../flags/value-parsers.js';
import { addressOf, serverUrl } from '../format.js';
import { receivingDefaults } from '../peers/receive.js';
import { namedUrl, splitName } from '../peers/source-names.js';

export interface PageFlags {
  readonly pagePort: number;
  readonly lan?: true;
  readonly open?: true;
  readonly pageCert?: string;
  readonly pageKey?: string;
}

interface Flags extends ConnectionFlags, PageFlags, SnippetFlag {
  readonly listen?: true;
  readonly unit?: readonly string[];
  readonly saturation?: number;
}

export function view(context: Context): Command {
  const command = new Command('view')
    .summary('Show images and readings on a web page')
    .description(
      helpText('Show what instruments send on a live web page: images, curves, numbers and texts.', context, [
        ['a camera', 'serpy view serpy2://192.168.1.20:5001'],
        [
          'two instruments with names and a unit',
          'serpy view cam=serpy2://lab1:5001 temp=serpy1://lab2:5001 --unit temp=K',
        ],
        ['instruments that connect to this computer', 'serpy view --listen serpy://0.0.0.0:5001 --key-file lab.key'],
        ['for a phone in the same network', 'serpy view serpy2://192.168.1.20:5001 --lan'],
      ]),
    )
    .argument('[urls...]', `${urlText}; NAME=URL gives it a name`)
    .option('--listen', 'let instruments connect to the URL, instead of connecting to it')
    .option(
      '--unit <unit>',
      'the unit of the values; NAME=UNIT for one source',
      (text: string, before: string[] = []) => [...before, text],
    )
    .option('--saturation <value>', 'from this value on, a pixel is saturated', wholeNumber('--saturation', 1));
  addPageOptions(command);
  addSnippetOption(command);
  return addConnectionFlags(command, { end: 'either' }).action((urls: readonly string[], flags: Flags) =>
    run(context, urls, flags),
  );
}

/** The options of the page itself. */
export function addPageOptions(command: Command): void {
  const add = (flags: string, description: string, parse?: (text: string) => unknown, value?: unknown) => {
    const option = new Option(flags, description).helpGroup('Page:');
    if (parse) option.argParser(parse);
    command.addOption(value === undefined ? option : option.default(value));
  };
  add('--page-port <number>', 'the port of the page; 0 for any free one', wholeNumber('--page-port', 0, 65_535), 8080);
  add('--open', 'open the page in the browser of this computer');
  add('--lan', 'let phones and computers of the network see the page, with a token');
  add('--page-cert <file>', 'serve the page over HTTPS: the certificate (PEM)');
  add('--page-key <file>', 'the private key of the certificate (PEM)');
}

async function run(context: Context, urls: readonly string[], flags: Flags): Promise<void> {
  const { interruption } = context;
  const isListening = flags.listen === true;
  if (isListening && urls.length > 1) throw usageError('--listen takes one URL: all instruments can connect to it');
  if (flags.snippet)
    return printSnippets(
      context,
      urls.length === 0 ? describe(context, undefined, flags) : urls.flatMap((url) => describe(context, url, flags)),
      flags.snippet,
    );
  const page = await openPage(flags);
  const closing: (() => Promise<void>)[] = [() => page.close()];
  try {
    if (isListening) closing.unshift(await showClients(context, page, urls[0], flags));
    else for (const url of urls.length === 0 ? [undefined] : urls) await showServer(context, page, url, flags);
    await announce(context, page, flags);
    if (!interruption.signal.aborted) await once(interruption.signal, 'abort');
  } finally {
    for (const close of closing) await close();
  }
}

/** What a program of another language reads: a recording, or a connection. */
function describe(context: Context, argument: string | undefined, flags: Flags): readonly SnippetDescription[] {
  const recording = argument === undefined ? undefined : recordingSnippets(argument);
  if (recording) return recording;
  const end = flags.listen ? 'listen' : 'connect';
  const { name, url } = namedUrl(argument);
  const options = connectionOptions(url, flags, end, context, receivingDefaults);
  const shown = name ?? addressOf({ host: options.host ?? '127.0.0.1', port: options.port });
  return [{ ...connectionSnippet(options, end, flags), unit: labelsOf(shown, flags).unit }];
}

/** Loaded when the command runs: other commands start without it. */
export async function openPage(flags: PageFlags): Promise<View> {
  const { openView } = await import('serpy-view');
  return openView({ port: flags.pagePort, lan: flags.lan === true, tls: pageTls(flags) });
}

/** Prints the address of the page, and for `--lan` those for other devices. */
export async function announce({ terminal, platform }: Context, page: View, flags: PageFlags): Promise<void> {
  const [first] = page.lanUrls;
  await terminal.print(first ?? page.url);
  if (flags.lan) {
    const { qrCode } = await import('serpy-view');
    if (first !== undefined) for (const line of qrCode(first).split('\n')) terminal.note(line);
    const danger =
      flags.pageCert === undefined
        ? '. Over HTTP, others in the network can see the pictures: --page-cert encrypts'
        : '';
    terminal.note(`anyone with the address can look, and change nothing${danger}`);
  }
  terminal.note('the page shows what arrives; Ctrl-C stops it');
  if (flags.open) openBrowser(page.url, platform);
}

async function showServer(context: Context, page: View, argument: string | undefined, flags: Flags): Promise<void> {
  const { name, url } = namedUrl(argument);
  const options = connectionOptions(url, flags, 'connect', context, receivingDefaults);
  const shown = name ?? addressOf({ host: options.host ?? '127.0.0.1', port: options.port });
  await page.show(shown, options, labelsOf(shown, flags));
}

/** Shows every client of a server. A client that comes back from the same computer gets its panels back. */
async function showClients(
  context: Context,
  page: View,
  url: string | undefined,
  flags: Flags,
): Promise<() => Promise<void>> {
  const { terminal } = context;
  const options = connectionOptions(url, flags, 'listen', context, receivingDefaults);
  const server = await listen(options as ListenOptions);
  const show = async (client: PortableConnection) => {
    const name = freeName(page, client.identity ?? client.remote?.host ?? 'a client');
    terminal.note(`${addressOf(client.remote)} connected`);
    await page.show(name, client, labelsOf(name, flags));
  };
  server.on('connection', (client) => {
    show(client).catch((error) => {
      terminal.note(toSentence(error));
      client.destroy();
    });
  });
  server.on('warning', (error) => terminal.note(toSentence(error)));
  terminal.note(`instruments connect to ${serverUrl(options, server.address)}`);
  return () => server.closeServer();
}

/** `host`, or `host 2` and so on while that one is connected. */
function freeName(page: View, host: string): string {
  for (let number = 1; ; number++) {
    const name = number === 1 ? host : `${host} ${number}`;
    const source = page.hub.sources.get(name);
    if (source === undefined || source.status().state === 'closed') return name;
  }
}

function labelsOf(
  name: string,
  { unit = [], saturation }: Flags,
): { unit: string | undefined; saturation: number | undefined } {
  const units = unit.map(splitName);
  const own = units.find((each) => each.name === name) ?? units.find((each) => each.name === undefined);
  return { unit: own?.rest, saturation };
}

function pageTls({ pageCert, pageKey }: PageFlags): { cert: Buffer; key: Buffer } | undefined {
  if (pageCert === undefined && pageKey === undefined) return undefined;
  if (pageCert === undefined || pageKey === undefined)
    throw usageError('--page-cert and --page-key belong together: add the other one');
  const read = (path: string) => {
    try {
      return readFileSync(path);
    } catch (cause) {
      throw usageError(`cannot read the file ${path}: ${(cause as Error).message}`, cause);
    }
  };
  return { cert: read(pageCert), key: read(pageKey) };
}

/** The page is also reachable without it, so errors of the browser do not matter. */
function openBrowser(url: string, platform: NodeJS.Platform): void {
  const [command, ...args]: [string, ...string[]] =
    platform === 'win32'
      ? ['rundll32', 'url.dll,FileProtocolHandler', url]
      : platform === 'darwin'
        ? ['open', url]
        : ['xdg-open', url];
  const browser = spawn(command, args, { stdio: 'ignore', detached: true });
  browser.on('error', () => {});
  browser.unref();
}
