/** `serpy view`: a live web page. */
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { Command, Option } from 'commander';
import { type ListenOptions, listen, type PortableConnection } from 'serpy';
import type { SnippetDescription, View } from 'serpy-view';
import type { Context } from '../environment/context.js';
import { toSentence, usageError } from '../failure.js';
import {
  addConnectionFlags,
  type ConnectionFlags,
  connectionOptions,
  sizeInBytes,
  urlText,
} from '../flags/connection-flags.js';
import { helpText } from '../flags/help-text.js';
import {
  addSnippetOption,
  connectionSnippet,
  printSnippets,
  type SnippetFlag,
  snippetsOfFolder,
} from '../flags/snippet-flag.js';
import { wholeNumber } from '../flags/value-parsers.js';
import { addressOf, serverUrl } from '../format.js';
import { receivingDefaults } from '../peers/receive.js';
import { namedUrl, splitName } from '../peers/source-names.js';
import { type MetadataFlags, metaEntry, noteText } from '../recording/metadata.js';
import { PageRecorder } from '../recording/page-recorder.js';
import { openBrowser } from '../ui/open-browser.js';

export interface PageFlags {
  readonly pagePort: number;
  readonly lan?: true;
  readonly open?: true;
  readonly preview?: '8bit' | 'full';
  readonly pageCert?: string;
  readonly pageKey?: string;
}

interface Flags extends ConnectionFlags, PageFlags, MetadataFlags, SnippetFlag {
  readonly listen?: true;
  readonly record?: string;
  readonly maxBytes?: number;
  readonly unit?: readonly string[];
  readonly saturation?: number;
}

export function view(context: Context): Command {
  const command = new Command('view')
    .summary('Show images and readings on a web page')
    .description(
      helpText(
        'Show what instruments send, or a recording, on a web page: images, curves, numbers and texts.',
        context,
        [
          ['a camera', 'serpy view serpy2://192.168.1.20:5001'],
          [
            'two instruments with names and a unit',
            'serpy view cam=serpy2://lab1:5001 temp=serpy1://lab2:5001 --unit temp=K',
          ],
          ['instruments that connect to this computer', 'serpy view --listen serpy://0.0.0.0:5001 --key-file lab.key'],
          ['a recording, finished or growing, with a time bar', 'serpy view run-1'],
          ['look, record, and look back', 'serpy view serpy2://192.168.1.20:5001 --record run-2'],
          ['for a phone in the same network', 'serpy view serpy2://192.168.1.20:5001 --lan'],
        ],
      ),
    )
    .argument('[urls...]', `${urlText}; NAME=URL gives it a name. Or the folder of a recording`)
    .option('--listen', 'let instruments connect to the URL, instead of connecting to it')
    .option('--record <folder>', 'record everything that arrives in a new or empty folder')
    .option(
      '--max-bytes <size>',
      'with --record: stop before the folder is larger, such as 2GB',
      sizeInBytes('--max-bytes'),
    )
    .option('--note <text>', 'with --record: a text that is kept with the recording', noteText)
    .option('--meta <name=value>', 'with --record: a value that is kept with it; can be repeated', metaEntry)
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
  command.addOption(
    new Option('--preview <depth>', 'the pixels of images: 8bit for a slow network (default with --lan), or full')
      .choices(['8bit', 'full'])
      .helpGroup('Page:'),
  );
  add('--page-cert <file>', 'serve the page over HTTPS: its certificate (PEM). --tls-cert is for the instrument');
  add('--page-key <file>', 'the private key of the certificate of the page (PEM)');
}

async function run(context: Context, urls: readonly string[], flags: Flags): Promise<void> {
  const { interruption } = context;
  const folder = recordingOf(urls, flags);
  const isListening = flags.listen === true;
  if (isListening && urls.length > 1) throw usageError('--listen takes one URL: all instruments can connect to it');
  if (flags.snippet) {
    const all = (urls.length === 0 ? [undefined] : urls).map((each) => describe(context, each, flags));
    return printSnippets(context, (await Promise.all(all)).flat(), flags.snippet);
  }
  const page = await openPage(flags);
  const recorder = new PageRecorder(context, page, flags);
  const closing: (() => Promise<void>)[] = [() => page.close()];
  try {
    if (folder !== undefined) page.showRecording(folder, labelsOf('', flags));
    else if (isListening) closing.unshift(await showClients(context, page, urls[0], flags, recorder));
    else await showServers(context, page, urls.length === 0 ? [undefined] : urls, flags, recorder);
    await announce(context, page, flags);
    if (!interruption.signal.aborted) await once(interruption.signal, 'abort');
  } finally {
    for (const close of closing) await close();
    await recorder.end();
  }
  recorder.check();
}

/** The folder, if the argument is a recording instead of a URL. */
function recordingOf(urls: readonly string[], { listen: isListening, record }: Flags): string | undefined {
  const folder = urls.find((each) => statSync(each, { throwIfNoEntry: false })?.isDirectory());
  if (folder === undefined) return undefined;
  if (urls.length > 1) throw usageError('a page shows one recording: name one folder, without URLs');
  if (isListening || record !== undefined)
    throw usageError(`${folder} is a recording: --listen and --record need the URL of an instrument`);
  return folder;
}

/** What a program of another language reads: a recording, or a connection. */
async function describe(
  context: Context,
  argument: string | undefined,
  flags: Flags,
): Promise<readonly SnippetDescription[]> {
  const recording = argument === undefined ? undefined : await snippetsOfFolder(argument);
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
  return openView({ port: flags.pagePort, lan: flags.lan === true, tls: pageTls(flags), preview: flags.preview });
}

/** Prints the address of the page, and for `--lan` those for other devices. */
export async function announce({ terminal, platform }: Context, page: View, flags: PageFlags): Promise<void> {
  const [first] = page.lanUrls;
  await terminal.print(first ?? page.url);
  if (flags.lan) {
    const { qrCode } = await import('serpy-view');
    if (first !== undefined) for (const line of qrCode(first).split('\n')) terminal.note(line);
    const isOther = 'tlsCert' in flags ? ' the page, and --tls-cert the link to the instrument' : '';
    const danger =
      flags.pageCert === undefined
        ? `. Over HTTP, others in the network can see the pictures: --page-cert encrypts${isOther}`
        : '';
    terminal.note(`anyone with the address can look, and change nothing${danger}`);
    terminal.note(`on this computer: ${page.url}`);
  }
  terminal.note('the page shows what arrives; Ctrl-C stops it');
  if (flags.open) openBrowser(page.url, platform);
}

/** All options are checked before a folder is made or a connection begins. */
async function showServers(
  context: Context,
  page: View,
  urls: readonly (string | undefined)[],
  flags: Flags,
  recorder: PageRecorder,
): Promise<void> {
  const sources = urls.map((argument) => {
    const { name, url } = namedUrl(argument);
    if (url !== undefined && /^[^:=]+$/.test(url) && !/^[\d.]+$/.test(url))
      throw usageError(`there is no folder ${url}, and it is not a URL such as serpy://127.0.0.1:5001`);
    const options = connectionOptions(url, flags, 'connect', context, receivingDefaults);
    return { options, url, name: name ?? addressOf({ host: options.host ?? '127.0.0.1', port: options.port }) };
  });
  const [first] = sources;
  recorder.begin(
    sources.map(({ url, name }) => url ?? name).join(', '),
    sources.length === 1 ? (first?.options ?? {}) : {},
  );
  for (const { name, options } of sources)
    await page.show(name, options, { ...labelsOf(name, flags), address: connectionSnippet(options, 'connect', flags) });
}

/** Shows every client of a server. A client that comes back from the same computer gets its panels back. */
async function showClients(
  context: Context,
  page: View,
  url: string | undefined,
  flags: Flags,
  recorder: PageRecorder,
): Promise<() => Promise<void>> {
  const { terminal } = context;
  const options = connectionOptions(url, flags, 'listen', context, receivingDefaults);
  const server = await listen(options as ListenOptions);
  try {
    recorder.begin(serverUrl(options, server.address), options); // if the server cannot listen, no folder is made
  } catch (error) {
    await server.closeServer();
    throw error;
  }
  const show = async (client: PortableConnection) => {
    const name = freeName(page, client.identity ?? client.remote?.host ?? 'a client');
    terminal.note(`${addressOf(client.remote)} connected`);
    const address = { ...connectionSnippet(options, 'listen', flags), port: server.address.port };
    await page.show(name, client, { ...labelsOf(name, flags), address });
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
