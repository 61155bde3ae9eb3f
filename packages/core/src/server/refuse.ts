/** Turns away a client that exceeds a limit. */
import type { Clock } from '../environment.js';
import type { Transport } from '../transport/transport.js';

/** 1 s: the time for a rejected client to close its end, before the socket is destroyed. */
const refuseLingerMs = 1000;

/** Closes a transport gracefully. Neither protocol has a message for it. */
export function refuse(transport: Transport, clock: Clock): void {
  transport.start({
    received: () => {},
    drained: () => {},
    ended: () => transport.destroy(),
    closed: () => clock.clearTimeout(timer),
  });
  const timer = clock.setTimeout(() => transport.destroy(), refuseLingerMs);
  transport.end();
}
