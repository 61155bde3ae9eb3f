/** `serpy chat`: sends typed lines to the peer, or as a server to all clients, and prints incoming messages. */
import { Command } from 'commander';
import { type Connection, isSerpyError } from 'serpy';
import type { Context } from '../environment/context.js';
import { failure, toSentence } from '../failure.js';
import { addConnectionOptions, type ConnectionFlags, connectionOptions } from '../flags/connection-flags.js';
import { helpText } from '../flags/help-text.js';
import { describe } from '../messages/describe.js';
import { peerLabel } from '../peers/peer-label.js';
import { receive } from '../peers/receive.js';
import { editLines } from '../ui/line-editor.js';
import { encodingOption } from '../ui/stdin-lines.js';

/** A client with a full queue delays a line by at most this time. After that it delays no line until it reads again. */
const maxDelayMs = 2000;

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
  const isServer = flags.listen === true;
  const options = connectionOptions(url, flags, isServer ? 'listen' : 'connect', context);
  const maxLineBytes = options.maxMessageBytes ?? 64 * 1024 * 1024;
  const editor = editLines(context, '> ', { encoding: flags.encoding, maxLineBytes });
  const note = flags.quiet ? undefined : (line: string) => editor.note(line);
  const stop = new AbortController();
  const peers = new Set<Connection>();
  /** The clients that have delayed a line already. */
  const slow = new WeakSet<Connection>();
  /** Lines that a peer did not get, or may not have got. */
  let lost = 0;
  let onFirstPeer = () => {};
  const firstPeer = new Promise<void>((resolve) => {
    onFirstPeer = resolve;
  });
  const addPeer = (connection: Connection) => {
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
    onFirstPeer();
  };
  const receiving = receive(context, {
    options,
    connect: !isServer,
    stop: stop.signal,
    log: note,
    onPeer: addPeer,
    onMessage: ({ message, from }) => editor.print(`${isServer ? `${from}: ` : ''}${describe(message).line}`),
  });
  let hasInputEnded = false;
  // The editor closes when the last peer cannot come back, and after an interruption.
  const ended = receiving.finally(() => editor.close());
  const sending = (async () => {
    await Promise.race([firstPeer, ended.catch(() => {})]);
    try {
      for await (const line of editor.lines()) {
        if (line === '') continue;
        if (peers.size === 0) {
          lost++;
          editor.note('no client is connected: the line was not sent');
        }
        const results = await Promise.all(
          [...peers].map((peer) => sendLine(peer, line, isServer ? slow : undefined, (text) => editor.note(text))),
        );
        lost += results.filter((isSent) => !isSent).length;
      }
      hasInputEnded = !context.interruption.signal.aborted && (peers.size > 0 || isServer);
    } finally {
      stop.abort();
    }
  })();
  for (const result of await Promise.allSettled([ended, sending])) {
    if (result.status === 'rejected') throw result.reason;
  }
  if (editor.isInteractive || context.interruption.cause) return; // the user has seen it
  if (lost > 0)
    throw failure(`${lost} of the lines may not have arrived: the peer did not read them, or it disconnected`);
  if (!hasInputEnded) throw failure('the peer disconnected before the input ended: later lines were not sent');
}

/**
 * Sends a line to one peer. Resolves with whether it was sent; a failure does not end the chat.
 * @param slow undefined for a client, which waits for its only peer without a limit
 */
async function sendLine(
  peer: Connection,
  line: string,
  slow: WeakSet<Connection> | undefined,
  note: (line: string) => void,
): Promise<boolean> {
  try {
    const isSent = await peer.sendData(line, slow && { timeoutMs: slow.has(peer) ? 0 : maxDelayMs });
    slow?.delete(peer);
    return isSent;
  } catch (error) {
    if (isSerpyError(error) && error.code === 'ERR_SERPY_QUEUE_FULL') slow?.add(peer);
    note(`not sent to ${peerLabel(peer)}: ${toSentence(error)}`);
    return false;
  }
}
