/**
 * How events reach those who watch: the program's listeners, `NODE_DEBUG=serpy` on stderr, and
 * `node:diagnostics_channel` (`serpy:connection:<event>`, `serpy:server:<event>`).
 */
import { type Channel, channel } from 'node:diagnostics_channel';
import type { EventEmitter } from 'node:events';
import { debuglog, inspect } from 'node:util';
import { printable } from './printable.js';

const debug = debuglog('serpy');

/** Kept, as Node forgets a channel without subscribers and makes it anew: that was a kilobyte of garbage for each event. */
const channels = { connection: new Map<string, Channel>(), server: new Map<string, Channel>() };

function diagnosticsChannel(kind: 'connection' | 'server', event: string): Channel {
  let found = channels[kind].get(event);
  if (found === undefined) {
    found = channel(`serpy:${kind}:${event}`);
    channels[kind].set(event, found);
  }
  return found;
}

/** As `console.log` shows it, where a text of a peer does nothing to the terminal. */
function inspectPrintable(info: unknown): string {
  return inspect(info).split('\n').map(printable).join('\n');
}

/**
 * Emits an event. A listener that throws is reported as an uncaught exception, as any listener is, but not before the
 * caller has finished what it was doing: the state of a connection does not depend on its listeners.
 * @returns whether anybody listened
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
