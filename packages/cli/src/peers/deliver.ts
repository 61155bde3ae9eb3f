/** Sends messages and sees them off: acknowledged where the protocol has that, or else out of this process. */
import { type Connection, isSerpyError } from 'serpy';
import { type Context, pause } from '../environment/context.js';
import { failure } from '../failure.js';
import { formatBytes, formatCount } from '../format.js';
import type { Payload } from '../messages/payloads.js';

export interface Delivery {
  /** Messages that are on their way or there. */
  readonly sent: number;
  readonly sentBytes: number;
  /** Whether the peer says of each message that it has it. */
  readonly acknowledges: boolean;
  /** How far it has come, in words. */
  readonly status: string;
  /** Bytes of messages that have left this process, as far as can be told. */
  readonly flushedBytes: number;
  /** Resolves when the next may come. */
  send(payload: Payload): Promise<void>;
  /** Resolves when all have arrived, as far as it can be known, and the connection is closed. Rejects when they have not. */
  drain(): Promise<void>;
}

export interface DeliverySettings {
  readonly protocol: string;
  readonly acknowledge: boolean;
  /** How long the peer may take nothing. */
  readonly timeoutMs: number;
  /** How long a peer without a session may take to hang up. */
  readonly hangUpMs: number;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** As many messages and bytes wait for their acknowledgements. */
const maxInFlight = 64;
const maxBytesInFlight = 16 * 1024 * 1024;

/** Less is a sign of life, and no progress. */
const minProgressBytes = 4096;

/** How often it is looked whether all has left. */
const pollMs = 20;

export function deliverTo(connection: Connection, { clock }: Context, settings: DeliverySettings): Delivery {
  const { protocol, timeoutMs } = settings;
  const stalled = new AbortController();
  const signal = AbortSignal.any([settings.signal, stalled.signal]);
  const inFlight: { readonly settled: Promise<unknown>; readonly sizeBytes: number }[] = [];
  const startBytes = connection.stats().bytesSent;
  let [sent, sentBytes, bytesInFlight, arrived] = [0, 0, 0, 0];
  let options: object = acknowledgement(protocol, settings.acknowledge);
  let allHaveLeft = false;
  let acknowledges = Object.keys(options).length > 0;
  let hadSession = false;
  let unknown = 0;
  let broke: Error | undefined; // a link, with messages of which nobody knows
  connection.on('warning', (error) => {
    if (error.code === 'ERR_SERPY_DELIVERY_UNKNOWN' && 'messages' in error)
      unknown += (error.messages as unknown[]).length;
    if (error.code === 'ERR_SERPY_LOST') broke ??= error;
  });

  const wireBytes = () => {
    const { bytesSent, unsentBytes } = connection.stats();
    return bytesSent - unsentBytes - startBytes;
  };

  /** Waits, as long as something goes on. */
  const patiently = async <T>(waiting: Promise<T>): Promise<T> => {
    let mark = { bytes: wireBytes(), arrived, atMs: clock.now() };
    const look = () => {
      const bytes = wireBytes();
      if (bytes >= mark.bytes + minProgressBytes || arrived > mark.arrived)
        mark = { bytes, arrived, atMs: clock.now() };
      const restMs = mark.atMs + timeoutMs - clock.now();
      if (restMs > 0) timer = clock.setTimeout(look, Math.min(restMs, timeoutMs / 4));
      else stalled.abort();
    };
    let timer = clock.setTimeout(look, timeoutMs / 4);
    try {
      return await waiting;
    } catch (error) {
      throw stalled.signal.aborted ? tookNothing() : error;
    } finally {
      clock.clearTimeout(timer);
    }
  };

  const tookNothing = () => {
    const progress = acknowledges
      ? `${arrived} of ${formatCount(sent)} ${sent === 1 ? 'is' : 'are'} acknowledged`
      : `${formatBytes(Math.min(wireBytes(), sentBytes))} of ${formatBytes(sentBytes)} have gone out`;
    return failure(`the peer has taken nothing for ${timeoutMs / 1000} s, ${progress}: is its program reading?`);
  };

  const oldest = async () => {
    const { settled, sizeBytes } = inFlight[0] as (typeof inFlight)[number];
    await patiently(settled);
    inFlight.shift();
    bytesInFlight -= sizeBytes;
  };

  const put = (payload: Payload): Promise<unknown> => {
    const settled = connection.sendData(payload.value, { ...options, signal }).then(() => {
      arrived++;
    });
    settled.catch(() => {}); // told by who waits for it
    return settled;
  };

  /** Whether there is a session is known only when an acknowledgement is asked for. */
  const first = async (payload: Payload): Promise<void> => {
    try {
      await patiently(put(payload));
    } catch (error) {
      if (protocol !== 'v2' || !isSerpyError(error) || error.code !== 'ERR_SERPY_OPTION') throw error;
      options = {};
      acknowledges = false;
      await patiently(put(payload));
    }
  };

  const allLeft = async (): Promise<void> => {
    for (;;) {
      if (connection.state === 'closed') return;
      const { sendQueueMessages, unsentBytes } = connection.stats();
      if (sendQueueMessages === 0 && unsentBytes === 0) return;
      if (!(await pause(clock, pollMs, signal))) throw signal.reason;
    }
  };

  /** Closes. The peer may take its time: Ctrl-C does not wait for it. @returns whether a peer without a session has hung up in time */
  const closed = async (): Promise<boolean> => {
    let inTime = true;
    const cut = () => connection.destroy();
    const late = () => {
      inTime = false;
      cut();
    };
    settings.signal.addEventListener('abort', cut);
    if (settings.signal.aborted) cut();
    const timer = hadSession ? undefined : clock.setTimeout(late, settings.hangUpMs);
    await connection.close();
    clock.clearTimeout(timer);
    settings.signal.removeEventListener('abort', cut);
    if (settings.signal.aborted) throw settings.signal.reason;
    return inTime;
  };

  return {
    get sent() {
      return sent;
    },
    get sentBytes() {
      return sentBytes;
    },
    get acknowledges() {
      return acknowledges;
    },
    get status() {
      const told = `${formatCount(sent)} sent`;
      if (!allHaveLeft) return `${told}, of which the last may not have arrived`;
      if (acknowledges) return `${told}, acknowledged`;
      return `${told}, which ${sent === 1 ? 'has' : 'have'} gone out and may not have arrived`;
    },
    get flushedBytes() {
      return wireBytes();
    },
    async send(payload) {
      sent++;
      sentBytes += payload.sizeBytes;
      hadSession ||= connection.inSession;
      if (sent === 1) return first(payload);
      while (
        inFlight.length > 0 &&
        (inFlight.length >= maxInFlight || bytesInFlight + payload.sizeBytes > maxBytesInFlight)
      ) {
        await oldest();
      }
      const settled = put(payload);
      inFlight.push({ settled, sizeBytes: payload.sizeBytes });
      bytesInFlight += payload.sizeBytes;
    },
    async drain() {
      while (inFlight.length > 0) await oldest();
      await patiently(allLeft());
      allHaveLeft = true;
      hadSession ||= connection.inSession;
      const hasHungUp = await closed();
      const { error, unsentMessages = 0, unacknowledgedMessages = 0 } = connection.closeInfo ?? {};
      if (isSerpyError(error) && error.code === 'ERR_SERPY_PROTOCOL') throw error; // who answered so has taken nothing
      const lost = unsentMessages + Math.max(unacknowledgedMessages, unknown);
      if (lost > 0) throw failure(`${formatCount(lost)} of ${sent} may not have arrived: the peer has gone`, error);
      if (broke) throw broke;
      if (acknowledges || sent === 0) return;
      // A session that is closed has acknowledged all that it does not count as unknown.
      acknowledges = hadSession && settings.acknowledge;
      if (acknowledges) return;
      if (error) throw error;
      if (!hasHungUp) {
        throw failure(
          `${formatCount(sent)} ${sent === 1 ? 'was' : 'were'} handed to the network, and the peer has not hung up within ${settings.hangUpMs / 1000} s: its program may have read nothing`,
        );
      }
    },
  };
}

/** The option of `sendData` that asks for an acknowledgement; over `auto`, `close` sees to it where there is a session. */
function acknowledgement(protocol: string, wanted: boolean): object {
  if (!wanted) return {};
  if (protocol === 'v1') return { mode: 1 };
  return protocol === 'v2' ? { acknowledge: 'received' } : {};
}
