/** `serpy hub`: one connection to each instrument for any number of programs. */
import { once } from 'node:events';
import { Command, Option } from 'commander';
import type { ConnectOptions, PortableConnection } from 'serpy';
import type { Hub, HubServer } from 'serpy-hub';
import { type Context, pause } from '../environment/context.js';
import { usageError } from '../failure.js';
import { addConnectionFlags, type ConnectionFlags, connectionOptions, urlText } from '../flags/connection-flags.js';
import { helpText } from '../flags/help-text.js';
import { wholeNumber } from '../flags/value-parsers.js';
import { addressOf, formatCount, formatInteger, serverUrl } from '../format.js';
import { receivingDefaults } from '../peers/receive.js';
import { namedUrl } from '../peers/source-names.js';

interface Flags extends ConnectionFlags {
  readonly serve?: readonly string[];
  readonly policy: 'latest' | 'all';
  readonly whenFull: 'wait' | 'drop-oldest';
  readonly maxMessages: number;
  readonly requests?: true;
  readonly quiet?: true;
}

/** Between two looks at the state of the sources. */
const lookMs = 250;

export function hub(context: Context): Command {
  const command = new Command('hub')
    .summary('Share one instrument among many programs')
    .description(
      helpText('Connect to instruments once, and serve their messages to any number of programs.', context, [
        ['one camera, many viewers', 'serpy hub serpy2://cam:5001 --serve serpy2://127.0.0.1:5010'],
        [
          'the same for the network, encrypted',
          'serpy hub serpy2://cam:5001 --serve serpy+tls://0.0.0.0:5010 --key-file lab.key',
        ],
        [
          'key and session for a Python program on this computer',
          'serpy hub serpy2+tls://cam:5010 --key-file lab.key --serve serpy2://127.0.0.1:5001 --policy all',
        ],
        [
          'two instruments, the second one also alone',
          'serpy hub cam=serpy2://lab1:5001 temp=serpy1://lab2:5001 --serve serpy2://127.0.0.1:5010 --serve temp=serpy2://127.0.0.1:0',
        ],
      ]),
    )
    .argument('<urls...>', `${urlText}; NAME=URL gives it a name`)
    .option(
      '--serve <url>',
      'where programs connect; NAME=URL for one source; repeatable',
      (text: string, before: string[] = []) => [...before, text],
    )
    .addOption(
      new Option('--policy <name>', 'what each program gets: the newest message of each kind, or all of them')
        .choices(['latest', 'all'])
        .default('latest'),
    )
    .addOption(
      new Option('--when-full <action>', '--policy all: throttle the instrument, or drop')
        .choices(['wait', 'drop-oldest'])
        .default('wait'),
    )
    .option(
      '--max-messages <number>',
      '--policy all: messages that wait for a program',
      wholeNumber('--max-messages', 1),
      1000,
    )
    .option('--requests', 'send requests of programs to the instrument, one at a time')
    .option('-q, --quiet', 'do not report connections and counts');
  return addConnectionFlags(command, { end: 'either' }).action((urls: readonly string[], flags: Flags) =>
    run(context, urls, flags),
  );
}

async function run(context: Context, urls: readonly string[], flags: Flags): Promise<void> {
  const { serve = [] } = flags;
  if (serve.length === 0)
    throw usageError('--serve is missing: add where programs connect, such as --serve serpy2://127.0.0.1:5010');
  checkSecrets([...urls, ...serve], flags);
  const { openHub } = await import('serpy-hub');
  const hub = await openHub();
  try {
    for (const text of urls) {
      const { name, url = '' } = namedUrl(text);
      const options = connectionOptions(
        url,
        flagsFor(url, flags),
        'connect',
        context,
        receivingDefaults,
      ) as ConnectOptions;
      await hub.add(name ?? addressOf({ host: options.host ?? '127.0.0.1', port: options.port }), options);
    }
    const servers = await Promise.all(serve.map((text) => startServer(context, hub, text, flags)));
    await report(context, hub, servers, flags);
  } finally {
    await hub.close();
  }
}

async function startServer(context: Context, hub: Hub, text: string, flags: Flags): Promise<HubServer> {
  const { terminal } = context;
  const { name, url = '' } = namedUrl(text);
  const options = connectionOptions(url, flagsFor(url, flags), 'listen', context, receivingDefaults);
  const { policy, whenFull, maxMessages } = flags;
  const onClient = (client: PortableConnection) => {
    if (flags.quiet) return;
    const from = addressOf(client.remote);
    terminal.note(`${from} connected`);
    client.on('close', () => terminal.note(`${from} disconnected`));
  };
  const bounds = policy === 'all' ? { whenFull, maxMessages } : {};
  const server = await hub.serve(options, {
    consumers: { policy, ...bounds, ...(name && { sources: [name] }) },
    requests: flags.requests === true,
    onClient,
  });
  await terminal.print(serverUrl(options, server.address));
  return server;
}

/** Reports what happens to the sources, and the counts at the end. */
async function report(context: Context, hub: Hub, servers: readonly HubServer[], flags: Flags): Promise<void> {
  const { terminal, interruption, clock } = context;
  if (flags.quiet) {
    if (!interruption.signal.aborted) await once(interruption.signal, 'abort');
    return;
  }
  terminal.note('programs connect to these addresses; Ctrl-C stops the hub');
  const shown = new Map<string, string>();
  do {
    for (const [name, source] of hub.sources) {
      const { state, problem } = source.status();
      const line = state === 'connected' ? 'connected' : `${state}${problem === undefined ? '' : `: ${problem}`}`;
      if (shown.get(name) !== line) terminal.note(`${name} ${line}`);
      shown.set(name, line);
    }
  } while (await pause(clock, lookMs, interruption.signal));
  const stats = servers.map((server) => server.stats());
  const sum = (name: 'forwarded' | 'dropped' | 'unsupported' | 'ignored') =>
    stats.reduce((total, each) => total + each[name], 0);
  const parts = [`forwarded ${formatCount(sum('forwarded'))}`];
  const why =
    flags.policy === 'all'
      ? 'dropped for slow programs'
      : 'replaced by newer ones (--policy all forwards every message)';
  if (sum('dropped') > 0) parts.push(`${formatInteger(sum('dropped'))} ${why}`);
  if (sum('unsupported') > 0)
    parts.push(`${formatInteger(sum('unsupported'))} not sent, as the protocol cannot carry them`);
  if (sum('ignored') > 0) parts.push(`${formatCount(sum('ignored'))} of programs ignored`);
  terminal.note(parts.join(', '));
}

/** Key and certificates are for the ends whose URL says so. */
function flagsFor(url: string, flags: Flags): Flags {
  if (/^\w+\+tls:/.test(url)) return flags;
  const { keyFile, tls, tlsCa, tlsCert, tlsKey, ...others } = flags;
  return others;
}

function checkSecrets(urls: readonly string[], { keyFile, tlsCert, tlsCa }: Flags): void {
  const isUsed = urls.some((text) => /\+tls:/.test(text));
  if ((keyFile ?? tlsCert ?? tlsCa) !== undefined && !isUsed)
    throw usageError(
      'the key or certificate is for no URL: write +tls in the URL of the encrypted end, such as serpy+tls://0.0.0.0:5010',
    );
}
