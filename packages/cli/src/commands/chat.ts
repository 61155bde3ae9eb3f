/** `serpy chat`: talks with a peer, or as a server with all of them. */
import { Command } from 'commander';
import type { Connection } from 'serpy';
import { addConnectionOptions, type ConnectionFlags, connectionOptions } from '../connection-options.js';
import type { Context } from '../context.js';
import { examples } from '../examples.js';
import { sentence } from '../failure.js';
import { editLines } from '../line-editor.js';
import { describe } from '../message.js';
import { addressOf, receive } from '../peers.js';

interface Flags extends ConnectionFlags {
  readonly listen?: true;
  readonly quiet?: true;
}

export function chat(context: Context): Command {
  const command = new Command('chat')
    .description('talk: each line that is typed is sent as text, what arrives is printed')
    .option('--listen', 'be a server: what is typed goes to all who are there')
    .option('-q, --quiet', 'say nothing of connections');
  return addConnectionOptions(command, 'either')
    .addHelpText(
      'after',
      examples([
        ['wait for somebody on this computer', 'serpy chat --listen'],
        ['talk to them, from another terminal', 'serpy chat'],
        ['type commands to an instrument', 'serpy chat serpy1://192.168.1.20:5001'],
      ]),
    )
    .action((url: string | undefined, flags: Flags) => run(context, url, flags));
}

async function run(context: Context, url: string | undefined, flags: Flags): Promise<void> {
  const dial = flags.listen !== true;
  const options = connectionOptions(url, flags, dial ? 'connect' : 'listen', context);
  const editor = editLines(context, '> ');
  const note = flags.quiet ? undefined : (line: string) => editor.note(line);
  const stop = new AbortController();
  const peers = new Set<Connection>();
  let somebodyCame = () => {};
  const somebody = new Promise<void>((resolve) => {
    somebodyCame = resolve;
  });
  const joined = (connection: Connection) => {
    peers.add(connection);
    connection.once('close', () => peers.delete(connection));
    somebodyCame();
  };
  const isPeerNamed = !dial;
  const receiving = receive(context, {
    options,
    dial,
    stop: stop.signal,
    note,
    joined,
    take: ({ message, from }) => editor.print(`${isPeerNamed ? `${from}: ` : ''}${describe(message).line}`),
  });
  // When the peers are gone for good, or it is interrupted, nobody types any more.
  const ended = receiving.finally(() => editor.close());
  const talking = (async () => {
    await Promise.race([somebody, ended.catch(() => {})]);
    for await (const line of editor.lines()) {
      if (line === '') continue;
      if (peers.size === 0) editor.note('nobody is there: the line was not sent');
      await Promise.all([...peers].map((peer) => say(peer, line, (text) => editor.note(text))));
    }
    stop.abort();
  })();
  await Promise.all([ended, talking]);
}

/** A line that one peer cannot be told does not end the talk. */
async function say(peer: Connection, line: string, note: (line: string) => void): Promise<void> {
  try {
    await peer.sendData(line);
  } catch (error) {
    note(`not sent to ${addressOf(peer.remote)}: ${sentence(error)}`);
  }
}
