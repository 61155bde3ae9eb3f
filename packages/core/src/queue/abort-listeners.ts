/**
 * Listeners to the signals that a program passes in. However many calls share a signal, one listener of ours is on it: from eleven
 * on Node warns of a leak, and to take one of many off takes time in proportion to their number.
 */

interface Shared {
  readonly listeners: Set<() => void>;
  readonly notify: () => void;
}

const sharedBySignal = new WeakMap<AbortSignal, Shared>();

/**
 * Calls the listener once when the signal is aborted from now on.
 * @returns takes the listener off again
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
    // One that an earlier one takes off is not called; one that comes meanwhile waits for an abort that has been.
    for (const listener of [...listeners]) {
      if (listeners.delete(listener)) listener();
    }
  };
  return { listeners, notify };
}
