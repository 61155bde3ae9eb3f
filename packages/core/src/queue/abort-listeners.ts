/**
 * Listens to the signals that a program passes in. All calls that share a signal share one listener: Node warns of a leak from 11 listeners on,
 * and removing one of many takes time in proportion to their number.
 */

interface Shared {
  readonly listeners: Set<() => void>;
  readonly notify: () => void;
}

const sharedBySignal = new WeakMap<AbortSignal, Shared>();

/**
 * Calls the listener once when the signal is aborted from now on.
 * @returns removes the listener
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  const own = () => listener(); // the same function may be given twice
  let shared = sharedBySignal.get(signal);
  if (shared === undefined) {
    shared = share(signal);
    sharedBySignal.set(signal, shared);
    signal.addEventListener('abort', shared.notify, { once: true });
  }
  const { listeners, notify } = shared;
  listeners.add(own);
  return () => {
    if (!listeners.delete(own) || listeners.size > 0) return;
    signal.removeEventListener('abort', notify);
    sharedBySignal.delete(signal);
  };
}

function share(signal: AbortSignal): Shared {
  const listeners = new Set<() => void>();
  const notify = () => {
    sharedBySignal.delete(signal);
    // A listener that an earlier one removes is not called. One that is added meanwhile is not called, as the signal is already aborted.
    for (const listener of [...listeners]) {
      if (listeners.delete(listener)) listener();
    }
  };
  return { listeners, notify };
}
