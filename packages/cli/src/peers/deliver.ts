/** Sends messages and waits until they are acknowledged; without acknowledgements, until they have left this process. */
import { type Connection, isSerpyError } from 'serpy';
import { type Context, pause } from '../environment/context.js';
import { failure } from '../failure.js';
import { formatBytes, formatCount, formatInteger } from '../format.js';
import type { Payload } from '../messages/payloads.js';

export interface Delivery {
  /** Messages sent so far. */
  readonly sent: number;
  readonly sentBytes: number;
  /** Messages that were dropped because they expired first. */
  readonly expired: number;
  /** Whether the peer acknowledges each message. */
  readonly acknowledges: boolean;
  /** The progress, in words. */
  readonly status: string;
  /** Bytes that have left this process, as far as known. */
  readonly flushedBytes: number;
  /** Resolves when the next message may be sent. */
  send(payload: Payload): Promise<void>;
  /** Resolves when all messages are delivered, as far as known, and the connection is closed. Rejects if one may be lost. */
  drain(): Promise<void>;
}

export interface DeliverySettings {
  readonly protocol: string;
  readonly acknowledge: boolean;
  /** After this time a message that could not be sent is dropped. Undefined: never. */
  readonly expiresMs?: number | undefined;
  /** Timeout without progress. */
  readonly timeoutMs: number;
  /** Timeout for a peer without a session to close the connection. */
  readonly peerCloseMs: number;
  /** Aborts the delivery. */
  readonly signal: AbortSignal;
}

/** At most 64 messages and 16 MiB wait for acknowledgements. */
const maxInFlight = 64;
const maxBytesInFlight = 16 * 1024 * 1024;

/** Fewer bytes are heartbeats, not progress. */
const minProgressBytes = 4096;

/** Polling interval for the flush check. */
const pollMs = 20;

export function deliverTo(connection: Connection, { clock }: Context, settings: DeliverySettings): Delivery {
  const { protocol, timeoutMs } = settings;
  const stalled = new AbortController();
  const signal = AbortSignal.any([settings.signal, stalled.signal]);
  const inFlight: { readonly settled: Promise<unknown>; readonly sizeBytes: number }[] = [];
  const startBytes = connection.stats().bytesSent;
  let [sent, sentBytes, bytesInFlight, settledCount, expired] = [0, 0, 0, 0, 0];
  const expiry = settings.expiresMs === undefined ? {} : { expiresMs: settings.expiresMs };
  let options: object = acknowledgement(settings.acknowledge);
  let expiredBytes = 0;
  let isFlushed = false;
  let acknowledges = Object.keys(options).length > 0;
  let hadSession = false;
  let unknown = 0;
  let lostError: Error | undefined; // a connection broke, and the delivery of its messages is unknown
  connection.on('warning', (error) => {
    if (error.code === 'ERR_SERPY_DELIVERY_UNKNOWN' && 'messages' in error)
      unknown += (error.messages as unknown[]).length;
    if (error.code === 'ERR_SERPY_LOST') lostError ??= error;
  });

  const wireBytes = () => {
    const { bytesSent, unsentBytes } = connection.stats();
    return bytesSent - unsentBytes - startBytes;
  };

  /** Waits as long as there is progress. */
  const withProgress = async <T>(waiting: Promise<T>): Promise<T> => {
    let mark = { bytes: wireBytes(), settledCount, atMs: clock.now() };
    const check = () => {
      const bytes = wireBytes();
      if (bytes >= mark.bytes + minProgressBytes || settledCount > mark.settledCount)
        mark = { bytes, settledCount, atMs: clock.now() };
      const restMs = mark.atMs + timeoutMs - clock.now();
      if (restMs > 0) timer = clock.setTimeout(check, Math.min(restMs, timeoutMs / 4));
      else stalled.abort();
    };
    let timer = clock.setTimeout(check, timeoutMs / 4);
    try {
      return await waiting;
    } catch (error) {
      throw stalled.signal.aborted ? stalledError() : error;
    } finally {
      clock.clearTimeout(timer);
    }
  };

  const stalledError = () => {
    const progress = acknowledges
      ? `${settledCount} of ${formatCount(sent)} acknowledged`
      : `${formatBytes(Math.min(wireBytes(), sentBytes))} of ${formatBytes(sentBytes)} sent`;
    return failure(`the peer read nothing for ${timeoutMs / 1000} s (${progress}): is its program reading?`);
  };

  const oldest = async () => {
    const { settled, sizeBytes } = inFlight[0] as (typeof inFlight)[number];
    await withProgress(settled);
    inFlight.shift();
    bytesInFlight -= sizeBytes;
  };

  const put = (payload: Payload): Promise<unknown> => {
    const settled = connection.sendData(payload.value, { ...options, ...expiry, signal }).then((isSent) => {
      settledCount++;
      if (isSent) return;
      expired++;
      expiredBytes += payload.sizeBytes;
    });
    settled.catch(() => {}); // the caller that awaits it reports the error
    return settled;
  };

  /** v2 reports a missing session only when an acknowledgement is requested. */
  const first = async (payload: Payload): Promise<void> => {
    try {
      await withProgress(put(payload));
    } catch (error) {
      if (protocol === 'v1' || !isSerpyError(error) || error.code !== 'ERR_SERPY_OPTION') throw error;
      options = {};
      acknowledges = false;
      await withProgress(put(payload));
    }
  };

  const flushed = async (): Promise<void> => {
    for (;;) {
      if (connection.state === 'closed') return;
      const { sendQueueMessages, unsentBytes } = connection.stats();
      if (sendQueueMessages === 0 && unsentBytes === 0) return;
      if (!(await pause(clock, pollMs, signal))) throw signal.reason;
    }
  };

  /** Closes the connection. Ctrl-C does not wait for the peer. @returns whether a peer without a session closed it in time */
  const closed = async (): Promise<boolean> => {
    let inTime = true;
    const destroy = () => connection.destroy();
    const late = () => {
      inTime = false;
      destroy();
    };
    settings.signal.addEventListener('abort', destroy);
    if (settings.signal.aborted) destroy();
    const timer = hadSession ? undefined : clock.setTimeout(late, settings.peerCloseMs);
    await connection.close();
    clock.clearTimeout(timer);
    settings.signal.removeEventListener('abort', destroy);
    if (settings.signal.aborted) throw settings.signal.reason;
    return inTime;
  };

  return {
    get sent() {
      return sent - expired;
    },
    get sentBytes() {
      return sentBytes - expiredBytes;
    },
    get expired() {
      return expired;
    },
    get acknowledges() {
      return acknowledges;
    },
    get status() {
      const count = `${formatCount(sent - expired)} sent${expired > 0 ? `, ${formatInteger(expired)} expired` : ''}`;
      if (!isFlushed) return `${count}, of which the last may not have arrived`;
      if (acknowledges) return `${count}, acknowledged`;
      return `${count}, handed to the network, not confirmed`;
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
      await withProgress(flushed());
      isFlushed = true;
      hadSession ||= connection.inSession;
      const hasPeerClosed = await closed();
      const { error, unsentMessages = 0, unacknowledgedMessages = 0 } = connection.closeInfo ?? {};
      if (isSerpyError(error) && error.code === 'ERR_SERPY_PROTOCOL') throw error; // a peer with another protocol has read nothing
      const lost = unsentMessages + Math.max(unacknowledgedMessages, unknown);
      if (lost > 0) throw failure(`${formatCount(lost)} of ${sent} may not have arrived: the peer disconnected`, error);
      if (lostError) throw lostError;
      if (acknowledges || sent === 0) return;
      // A closed session has acknowledged every message that it does not report as unknown.
      acknowledges = hadSession && settings.acknowledge;
      if (acknowledges) return;
      if (error) throw error;
      if (!hasPeerClosed) {
        throw failure(
          `${formatCount(sent)} ${sent === 1 ? 'was' : 'were'} handed to the network, and the peer did not close the connection within ${settings.peerCloseMs / 1000} s: its program may have read nothing`,
        );
      }
    },
  };
}

/** The option of `sendData` that requests an acknowledgement. */
function acknowledgement(isRequested: boolean): object {
  return isRequested ? { acknowledge: 'received' } : {};
}
