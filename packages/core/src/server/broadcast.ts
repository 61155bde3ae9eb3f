/** Sends one value to many connections. It is encoded once, and no connection waits for another. */
import { Connection, internalsOf } from '../connection/connection.js';
import { MessageTooLargeError, OptionError } from '../errors.js';
import { checkAbout } from '../options/about-option.js';
import { type OptionSpec, option } from '../options/option.js';
import { checkNames } from '../options/option-names.js';
import type { OutboundMessage } from '../protocol/message.js';
import type { ProtocolTypes } from '../protocol/protocol.js';
import { SharedEncoding } from '../protocol/shared-encoding.js';
import type { SlowPeers } from '../queue/broadcasts.js';

/** The options of `broadcast`. */
export interface BroadcastOptions<T extends ProtocolTypes, C> {
  /** Connections that the message is not for. */
  readonly except?: Connection<ProtocolTypes> | Iterable<Connection<ProtocolTypes>> | undefined;
  /** Whether the message is for this connection. Default: for all. The type is that of a method, which accepts the connections of a subclass. */
  readonly filter?: { isMeant(connection: C): boolean }['isMeant'] | undefined;
  /**
   * What happens when the send queue of a connection is full. `'drop-oldest'`, the default, drops older broadcast messages of that connection and
   * no other messages; without any, it drops the new one, as `'drop-newest'` does. `'disconnect'` closes the connection.
   */
  readonly slowPeers?: SlowPeers | undefined;
  /** The protocol's own options of `sendData`, without acknowledgements. */
  readonly send?: T['sendOptions'] | undefined;
}

/** What became of a broadcast. */
export interface BroadcastResult {
  /** Connections for which the message is queued or sent. */
  readonly queued: number;
  /** Connections for which it was dropped. */
  readonly dropped: number;
}

const slowPeersOption: OptionSpec<SlowPeers> = option.choice(
  ['drop-oldest', 'drop-newest', 'disconnect'],
  'drop-oldest',
);

/**
 * Sends a value to connections.
 * @param connections all of the server
 * @param spare makes a connection that checks the value if there is none
 * @throws `ERR_SERPY_OPTION`, and the errors of a value that cannot be encoded: then nothing is sent
 */
export function broadcast<T extends ProtocolTypes, C extends Connection<T>>(
  value: T['value'],
  options: BroadcastOptions<T, C>,
  connections: readonly C[],
  spare: () => C,
): BroadcastResult {
  const { slowPeers, isMeant, send } = checked(options);
  const shared = new SharedEncoding();
  const encode = (connection: C) => encodeFor(connection, value, send, shared);
  if (connections.length === 0) encode(spare());
  // All are encoded before the first is sent: a value that one of them cannot encode is sent to none.
  const encoded = connections.filter(isMeant).map((connection) => ({ connection, outgoing: encode(connection) }));
  let queued = 0;
  let dropped = 0;
  for (const { connection, outgoing } of encoded) {
    const { ending, channel } = internalsOf(connection);
    if (ending) continue; // closed meanwhile, by a listener of a warning
    const isQueued =
      outgoing instanceof MessageTooLargeError
        ? channel.tooLargeForPeer(outgoing)
        : channel.sendShared(outgoing, slowPeers);
    if (isQueued) queued++;
    else dropped++;
  }
  return { queued, dropped };
}

/** The message for one connection, or the error if its peer does not accept messages of this size. */
function encodeFor<T extends ProtocolTypes>(
  connection: Connection<T>,
  value: T['value'],
  send: object,
  shared: SharedEncoding,
): OutboundMessage | MessageTooLargeError {
  const { channel } = internalsOf(connection);
  try {
    const outgoing = channel.encodeShared(value, send, shared);
    if (!outgoing.awaitsAck) return outgoing;
  } catch (error) {
    const isLimitOfPeer = error instanceof MessageTooLargeError && error.limitBytes < channel.settings.maxMessageBytes;
    if (isLimitOfPeer) return error;
    throw error;
  }
  throw new OptionError(
    'a broadcast does not wait for acknowledgements: leave acknowledge out, and over v1 use mode 0, 2 or 4; or use sendData',
  );
}

function checked<T extends ProtocolTypes, C extends Connection<T>>(options: BroadcastOptions<T, C>) {
  if (options === null || typeof options !== 'object') {
    throw new OptionError(
      `the options of broadcast are an object such as { except: connection }, not ${String(options)}`,
    );
  }
  checkNames(options, ['except', 'filter', 'slowPeers', 'send']);
  const { except, filter, slowPeers = slowPeersOption.default as SlowPeers, send = {} } = options;
  if (filter !== undefined && typeof filter !== 'function') {
    throw new OptionError('the option filter takes a function of a connection that returns true or false');
  }
  if (send === null || typeof send !== 'object') throw new OptionError('the option send takes an object');
  checkAbout(send);
  const excepted = exceptedOf(except);
  return {
    slowPeers: slowPeersOption.parse(slowPeers, 'slowPeers'),
    isMeant: (connection: C) =>
      !internalsOf(connection).ending && !excepted.has(connection) && (filter?.(connection) ?? true),
    send,
  };
}

function exceptedOf(except: unknown): ReadonlySet<unknown> {
  if (except === undefined) return new Set();
  const isMany = typeof except === 'object' && except !== null && Symbol.iterator in except;
  // A connection is iterable too: its iterator takes messages.
  const all = except instanceof Connection ? [except] : isMany ? [...(except as Iterable<unknown>)] : [undefined];
  if (all.every((each) => each instanceof Connection)) return new Set(all);
  throw new OptionError('the option except takes a connection or several of them, such as an array or a Set');
}
