/** `serpy chat`: talks with a peer, or as a server with all of them. */
import { Command } from 'commander';
import { type Connection, isSerpyError } from 'serpy';
import type { Context } from '../environment/context.js';
import { failure, toSentence } from '../failure.js';
import {
  addConnectionOptions,
  type ConnectionFlags,
  connectionOptions,
  withSession,
} from '../flags/connection-flags.js';
import { helpText } from '../flags/help-text.js';
import { addressOf } from '../format.js';
import { describe } from '../messages/describe.js';
import { receive } from '../peers/receive.js';
import { editLines } from '../ui/line-editor.js';
import { encodingOption } from '../ui/stdin-lines.js';

/** So long everybody waits for one whose queue is full; for who was waited for in vain nobody waits again, until it takes lines. */
const patienceMs = 2000;

interface Flags extends ConnectionFlags {
  readonly listen?: true;
  readonly quiet?: true;
  readonly encoding?: string;
}

export function chat(context: Context): Command {
  const command = new Command('chat')
    .summary('Send the lines you type, print what arrives')
    .description(
      helpText('Send each line that you type as text, and print incoming messages.', context, [
        ['in one terminal: a server', 'serpy chat --listen'],
        ['in another terminal: a client', 'serpy chat'],
        ['send commands to an instrument', 'serpy chat serpy1://192.168.1.20:5001'],
      ]),
    )
    .option('--listen', 'be a server: your lines go to all clients')
    .addOption(encodingOption())
    .option('-q, --quiet', 'do not report connections');
  return addConnectionOptions(command, { end: 'either' }).action((url: string | undefined, flags: Flags) =>
    run(context, url, flags),
  );
}

async function run(context: Context, url: string | undefined, flags: Flags): Promise<void> {
  const dial = flags.listen !== true;
  const options = connectionOptions(url, flags, dial ? 'connect' : 'listen', context, dial ? withSession : {});
  const maxLineBytes = options.maxMessageBytes ?? 64 * 1024 * 1024;
  const editor = editLines(context, '> ', { encoding: flags.encoding, maxLineBytes });
  const note = flags.quiet ? undefined : (line: string) => editor.note(line);
  const stop = new AbortController();
  const peers = new Set<Connection>();
  /** Those that have let everybody wait. */
  const stuck = new WeakSet<Connection>();
  /** Lines that a peer did not get, or may not have got. */
  let lost = 0;
  let somebodyCame = () => {};
  const somebody = new Promise<void>((resolve) => {
    somebodyCame = resolve;
  });
  const joined = (connection: Connection) => {
    peers.add(connection);
    connection.on('warning', (error) => {
      if (error.code === 'ERR_SERPY_DELIVERY_UNKNOWN' && 'messages' in error)
        lost += (error.messages as unknown[]).length;
    });
    connection.on('disconnect', ({ unacknowledgedMessages }) => {
      lost += unacknowledgedMessages;
    });
    connection.once('close', ({ unsentMessages, unacknowledgedMessages }) => {
      lost += unsentMessages + unacknowledgedMessages;
      peers.delete(connection);
    });
    somebodyCame();
  };
  const isPeerNamed = !dial;
  const receiving = receive(context, {
    options,
    connect: dial,
    stop: stop.signal,
    log: note,
    onPeer: joined,
    onMessage: ({ message, from }) => editor.print(`${isPeerNamed ? `${from}: ` : ''}${describe(message).line}`),
  });
  let hasInputEnded = false;
  // When the peers are gone for good, or it is interrupted, nobody types any more.
  const ended = receiving.finally(() => editor.close());
  const talking = (async () => {
    await Promise.race([somebody, ended.catch(() => {})]);
    try {
      for await (const line of editor.lines()) {
        if (line === '') continue;
        if (peers.size === 0) {
          lost++;
          editor.note('nobody is there: the line was not sent');
        }
        const said = await Promise.all(
          [...peers].map((peer) => say(peer, line, dial ? undefined : stuck, (text) => editor.note(text))),
        );
        lost += said.filter((isSent) => !isSent).length;
      }
      hasInputEnded = !context.interruption.signal.aborted && (peers.size > 0 || !dial);
    } finally {
      stop.abort();
    }
  })();
  for (const result of await Promise.allSettled([ended, talking])) {
    if (result.status === 'rejected') throw result.reason;
  }
  if (editor.isInteractive || context.interruption.cause) return; // who types has seen it
  if (lost > 0) throw failure(`${lost} of the lines may not have arrived: the peer did not take them, or has gone`);
  if (!hasInputEnded) throw failure('the peer has gone before the input ended: what came after that was not sent');
}

/**
 * A line that one peer cannot be told does not end the talk. Resolves with whether it is on its way.
 * @param stuck left out: it is the only peer, and waited for as long as it takes
 */
async function say(
  peer: Connection,
  line: string,
  stuck: WeakSet<Connection> | undefined,
  note: (line: string) => void,
): Promise<boolean> {
  try {
    const isSent = await peer.sendData(line, stuck && { timeoutMs: stuck.has(peer) ? 0 : patienceMs });
    stuck?.delete(peer);
    return isSent;
  } catch (error) {
    if (isSerpyError(error) && error.code === 'ERR_SERPY_QUEUE_FULL') stuck?.add(peer);
    note(`not sent to ${addressOf(peer.remote)}: ${toSentence(error)}`);
    return false;
  }
}
