/** `serpy bridge`: instruments on an MQTT or NATS broker. */
import { once } from 'node:events';
import { Command, Option } from 'commander';
import type { ConnectOptions } from 'serpy';
import type { Bridge, BridgeStats, BrokerOptions } from 'serpy-bridge';
import { type Context, pause } from '../environment/context.js';
import { toSentence, usageError } from '../failure.js';
import {
  addConnectionFlags,
  type ConnectionFlags,
  connectionOptions,
  sizeInBytes,
  urlText,
} from '../flags/connection-flags.js';
import { helpText } from '../flags/help-text.js';
import { wholeNumber } from '../flags/value-parsers.js';
import { addressOf, formatCount, formatInteger } from '../format.js';
import { receivingDefaults } from '../peers/receive.js';
import { namedUrl, splitName } from '../peers/source-names.js';

interface Flags extends ConnectionFlags {
  readonly topic: string;
  readonly commands?: true | string;
  readonly requests?: true | string;
  readonly unit?: readonly string[];
  readonly maxFps: number;
  readonly maxBytes: number;
  readonly tooLarge: 'bin' | 'refuse';
  readonly maxInFlight: number;
  readonly bufferMessages: number;
  readonly bufferBytes: number;
  readonly brokerUser?: string;
  readonly brokerPasswordFile?: string;
  readonly brokerCa?: string;
  readonly brokerCert?: string;
  readonly brokerKey?: string;
  readonly mqttVersion: '5' | '3.1.1' | 'auto';
  readonly stream?: string;
  readonly quiet?: true;
}

/** A session is resumed after its link broke, so that no value is lost. */
const sourceDefaults = { ...receivingDefaults, autoRestart: true };

/** Between two looks at the state of the bridges. */
const lookMs = 250;

/** So that bridges of one command do not outgrow the memory of a small computer. */
const bufferDefaults = { messages: 10_000, bytes: 64 * 2 ** 20 };

export function bridge(context: Context): Command {
  const command = new Command('bridge')
    .summary('Put instruments on an MQTT or NATS broker')
    .description(
      helpText(
        'Publish what instruments send to a broker, numbers as text and arrays as .npy, and pass commands and requests to them.',
        context,
        [
          ['a camera', 'serpy bridge mqtt://broker.lab cam=serpy2://192.168.1.20:5001'],
          ['see its readings', "mosquitto_sub -h broker.lab -t 'lab/cam/+' -v"],
          [
            'commands on lab/temp/set and requests on lab/temp/request',
            'serpy bridge mqtt://broker.lab temp=lines://192.168.1.30:5025 --commands --requests',
          ],
          [
            'encrypted, with a user',
            'serpy bridge mqtts://broker.lab cam=serpy2://cam:5001 --broker-ca ca.pem --broker-user lab --broker-password-file password.txt',
          ],
          ['NATS with JetStream', 'serpy bridge nats://broker.lab cam=serpy2://cam:5001'],
        ],
      ),
    )
    .argument('<broker>', 'mqtt://HOST:PORT, mqtts://, nats:// or nats+tls://')
    .argument('<urls...>', `${urlText}; NAME=URL gives it a name`);
  addBridgeOptions(command);
  return addConnectionFlags(command, { end: 'connect', reconnects: false, waits: false }).action(
    (broker: string, urls: readonly string[], flags: Flags) => run(context, broker, urls, flags),
  );
}

function addBridgeOptions(command: Command): void {
  const add = (
    group: string,
    flags: string,
    description: string,
    parse?: (text: string) => unknown,
    value?: unknown,
  ) => {
    const option = new Option(flags, description).helpGroup(group);
    if (parse) option.argParser(parse);
    command.addOption(value === undefined ? option : option.default(value));
  };
  const [messages, broker] = ['Messages:', 'Broker:'];
  add(messages, '--topic <template>', 'where messages go', (text) => text, 'lab/{name}/{kind}');
  add(messages, '--commands [topic]', 'send what arrives here to the instrument (default: set as the kind)');
  add(messages, '--requests [topic]', 'answer what arrives here by the instrument (default: request as the kind)');
  command.addOption(
    new Option('--unit <unit>', 'the unit of the values; NAME=UNIT for one source')
      .argParser((text: string, before: string[] = []) => [...before, text])
      .helpGroup(messages),
  );
  add(
    messages,
    '--max-fps <number>',
    'arrays per second and kind; 0 for all of them',
    wholeNumber('--max-fps', 0, 1000),
    5,
  );
  command.addOption(
    new Option('--max-bytes <size>', 'the largest message')
      .argParser(sizeInBytes('--max-bytes'))
      .default(1_000_000, '1MB')
      .helpGroup(messages),
  );
  command.addOption(
    new Option('--too-large <action>', 'above --max-bytes: make images and curves smaller, or refuse them')
      .choices(['bin', 'refuse'])
      .default('bin')
      .helpGroup(messages),
  );
  add(broker, '--broker-user <name>', 'the user at the broker, or the variable BROKER_USER');
  add(broker, '--broker-password-file <file>', 'a file with the password, or the variable BROKER_PASSWORD');
  add(broker, '--broker-ca <file>', 'the certificate of the authority that signed that of the broker (PEM)');
  add(broker, '--broker-cert <file>', "this end's certificate for the broker (PEM)");
  add(broker, '--broker-key <file>', "the private key of this end's certificate (PEM)");
  command.addOption(
    new Option('--mqtt-version <version>', 'the version of MQTT')
      .choices(['auto', '5', '3.1.1'])
      .default('auto')
      .helpGroup(broker),
  );
  add(broker, '--stream <name>', 'NATS: the stream that is created if there is none (default: serpy)');
  add(
    broker,
    '--max-in-flight <number>',
    'messages without an acknowledgement',
    wholeNumber('--max-in-flight', 1, 1000),
    4,
  );
  add(
    broker,
    '--buffer-messages <number>',
    'messages of an instrument that wait while the broker is away; the oldest are dropped',
    wholeNumber('--buffer-messages', 1),
    bufferDefaults.messages,
  );
  command.addOption(
    new Option('--buffer-bytes <size>', 'their bytes')
      .argParser(sizeInBytes('--buffer-bytes'))
      .default(bufferDefaults.bytes, '64MiB')
      .helpGroup(broker),
  );
  command.option('-q, --quiet', 'do not report connections and counts');
}

async function run(context: Context, brokerUrl: string, urls: readonly string[], flags: Flags): Promise<void> {
  if (/^(?:[\w .-]+=)?(?:serpy|lines)/.test(brokerUrl))
    throw usageError('the broker comes first: serpy bridge mqtt://HOST:PORT NAME=URL');
  const broker = brokerOptions(brokerUrl, flags, context);
  const { openBridge, nameFromAddress } = await import('serpy-bridge');
  const { terminal } = context;
  const bridges: Bridge[] = [];
  const instruments = urls.map((text) => {
    const { name: given, url = '' } = namedUrl(text);
    const source = connectionOptions(url, flags, 'connect', context, sourceDefaults) as ConnectOptions;
    const address = addressOf({ host: source.host ?? '127.0.0.1', port: source.port });
    return { name: given ?? nameFromAddress(address), source };
  });
  checkNames(
    instruments.map(({ name }) => name),
    flags.topic,
  );
  try {
    for (const { name, source } of instruments) {
      const made = await openBridge({
        name,
        source,
        broker,
        topic: flags.topic,
        commands: flags.commands,
        requests: flags.requests,
        unit: unitOf(name, flags),
        maxFps: flags.maxFps,
        maxBytes: flags.maxBytes,
        whenTooLarge: flags.tooLarge,
        maxInFlight: flags.maxInFlight,
        buffer: { maxMessages: flags.bufferMessages, maxBytes: flags.bufferBytes },
        onWarning: (error) => {
          if (!flags.quiet) terminal.note(`${name}: ${toSentence(error)}`);
        },
      });
      bridges.push(made);
      await terminal.print(flags.topic.replaceAll('{name}', name).replaceAll('{kind}', '+'));
    }
    await report(context, bridges, flags);
  } finally {
    await Promise.all(bridges.map((each) => each.close()));
    if (!flags.quiet && bridges.length > 0) terminal.note(countsOf(bridges.map((each) => each.stats())));
  }
}

/** Two instruments must not share topics. */
function checkNames(names: readonly string[], topic: string): void {
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice !== undefined) throw usageError(`two instruments have the name ${twice}: write NAME=URL with another name`);
  if (names.length > 1 && !topic.includes('{name}'))
    throw usageError(`the ${names.length} instruments would share the topics ${topic}: add {name} to --topic`);
}

/** The password is in no argument: other users of the computer see those. */
function brokerOptions(url: string, flags: Flags, { env }: Context): BrokerOptions {
  const { brokerUser, brokerPasswordFile, brokerCa, brokerCert, brokerKey, mqttVersion, stream } = flags;
  const password = env['BROKER_PASSWORD'];
  return {
    url,
    user: brokerUser ?? env['BROKER_USER'],
    ...(brokerPasswordFile === undefined ? { password } : { passwordFile: brokerPasswordFile }),
    caFile: brokerCa,
    certFile: brokerCert,
    keyFile: brokerKey,
    mqttVersion,
    stream,
  };
}

function unitOf(name: string, { unit = [] }: Flags): string | undefined {
  const units = unit.map(splitName);
  return (units.find((each) => each.name === name) ?? units.find((each) => each.name === undefined))?.rest;
}

/** Reports what happens to the instruments and the broker. */
async function report(context: Context, bridges: readonly Bridge[], flags: Flags): Promise<void> {
  const { terminal, interruption, clock } = context;
  if (flags.quiet) {
    if (!interruption.signal.aborted) await once(interruption.signal, 'abort');
    return;
  }
  terminal.note('subscribe to these topics; Ctrl-C stops the bridge');
  const shown = new Map<string, string>();
  const show = (key: string, line: string) => {
    if (shown.get(key) !== line) terminal.note(line);
    shown.set(key, line);
  };
  do {
    for (const { name, ...each } of bridges.map((made) => ({ name: made.name, ...made.stats() }))) {
      const { instrument, broker } = each;
      show(name, `${name} ${stateOf(instrument)}`);
      const protocol = broker.protocol === undefined ? '' : ` (${broker.protocol})`;
      show(`broker ${name}`, `${name}: the broker is ${stateOf(broker)}${protocol}`);
    }
  } while (await pause(clock, lookMs, interruption.signal));
}

function stateOf({ state, problem }: { readonly state: string; readonly problem: string | undefined }): string {
  return state === 'connected' || !problem ? state : `${state}: ${problem}`;
}

function countsOf(stats: readonly BridgeStats[]): string {
  const sum = (name: 'published' | 'skipped' | 'refused' | 'dropped' | 'commands' | 'requests' | 'inboundRefused') =>
    stats.reduce((total, each) => total + each[name], 0);
  const parts = [`published ${formatCount(sum('published'))}`];
  const add = (name: Parameters<typeof sum>[0], words: string) => {
    if (sum(name) > 0) parts.push(`${formatInteger(sum(name))} ${words}`);
  };
  add('skipped', 'skipped by --max-fps');
  add('refused', 'refused');
  add('dropped', 'dropped');
  add('commands', 'commands passed on');
  add('requests', 'requests answered');
  add('inboundRefused', 'commands and requests failed');
  return parts.join(', ');
}
