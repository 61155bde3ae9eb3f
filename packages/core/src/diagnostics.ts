/**
 * Emits events to the listeners of the program, to stderr with `NODE_DEBUG=serpy`, and to
 * `node:diagnostics_channel` (`serpy:connection:<event>`, `serpy:server:<event>`).
 */
import { type Channel, channel } from 'node:diagnostics_channel';
import type { EventEmitter } from 'node:events';
import { debuglog, inspect } from 'node:util';
import { printable } from './printable.js';

const debug = debuglog('serpy');

/** Node drops a channel without subscribers and creates it again, which took 1 KB of garbage for each event. So the channels are kept. */
const channels = { connection: new Map<string, Channel>(), server: new Map<string, Channel>() };

function diagnosticsChannel(kind: 'connection' | 'server', event: string): Channel {
  let found = channels[kind].get(event);
  if (found === undefined) {
    found = channel(`serpy:${kind}:${event}`);
    channels[kind].set(event, found);
  }
  return found;
}

/** The text that `console.log` prints, escaped. */
function inspectPrintable(info: unknown): string {
  return inspect(info).split('\n').map(printable).join('\n');
}

/**
 * Emits an event. If a listener throws, the exception is uncaught, as with any listener, but only after the caller has finished:
 * the state of a connection does not depend on its listeners.
 * @returns whether there was a listener
 */
export function emitEvent(emitter: EventEmitter, kind: 'connection' | 'server', event: string, info: unknown): boolean {
  if (debug.enabled) debug('%s %s %s', kind, event, inspectPrintable(info));
  const watchers = diagnosticsChannel(kind, event);
  if (watchers.hasSubscribers) watchers.publish({ [kind]: emitter, info });
  try {
    return emitter.emit(event, info);
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
    return true;
  }
}
