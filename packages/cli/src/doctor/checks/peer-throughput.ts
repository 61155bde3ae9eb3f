/** Round trip and throughput of a peer that sends back what it gets. */
import { type Connection, isSerpyError } from 'serpy';
import { ask, otherEndOf } from '../../bench/bench-protocol.js';
import { roundTrips } from '../../bench/round-trip.js';
import { summarize } from '../../bench/statistics.js';
import { megabytesPerSecond, oneWay, thereAndBack } from '../../bench/throughput.js';
import { formatNumber, formatTime } from '../../format.js';
import { type Check, fail, ok, type Result, skip, warn } from './check.js';
import type { PeerContext } from './peer.js';
import { noConnection, notSent } from './peer-protocol.js';

/** How long a peer may take for an echo. */
const echoMs = 3000;
const roundTripPlan = { sizeBytes: 64, maxCount: 200, durationMs: 1000, timeoutMs: echoMs };
const throughputPlan = { sizeBytes: 2 ** 16, durationMs: 1500, limitMs: 10_000 };
/** A round trip in the same building is far below. */
const slowMs = 100;

const startEcho =
  'to measure, start "serpy simulate echo" or "serpy bench --listen" there, or any program that sends back what it gets';

export const roundTripCheck: Check<PeerContext> = {
  name: 'round trip',
  limitMs: 20_000,
  async run(context) {
    const { peer, signal, hostInfo } = context;
    const dialled = await peer.connect(signal);
    if (!('connection' in dialled)) return noConnection;
    if (!peer.target.maySend) return notSent(peer.target);
    const { connection } = dialled;
    try {
      const patience = { timeoutMs: echoMs, signal };
      peer.otherEnd = await ask(connection, 'hello', otherEndOf, hostInfo.clock, patience);
    } catch (error) {
      peer.otherEnd = null;
      return unanswered(error);
    }
    const timesMs = await roundTrips(connection, { ...roundTripPlan, signal }, hostInfo.clock);
    const { count, p50Ms, p99Ms, maxMs } = summarize(timesMs);
    const message = `${formatTime(p50Ms)} there and back (median of ${count}; at most ${formatTime(maxMs)})`;
    const figures = { count, p50Ms, p99Ms, maxMs };
    if (p50Ms < slowMs) return ok(message, { figures });
    return warn(
      message,
      'that is long in one building: the network or one of the computers is busy, or it is WLAN or VPN',
      {
        figures,
      },
    );
  },
};

function unanswered(error: unknown): Result {
  if (isSerpyError(error) && error.code === 'ERR_SERPY_TIMEOUT') {
    return skip('the peer sends nothing back, which is fine for one that is no echo', startEcho);
  }
  if (isSerpyError(error) && error.code === 'ERR_SERPY_CLOSED') {
    return fail(
      `the peer ended the connection when it was sent a short text (${error.message})`,
      'look at what its program says; --connect-only leaves it in peace',
    );
  }
  throw error;
}

export const throughputCheck: Check<PeerContext> = {
  name: 'throughput',
  limitMs: 30_000,
  async run({ peer, signal, hostInfo }) {
    const dialled = await peer.connect(signal);
    if (!('connection' in dialled)) return noConnection;
    if (!peer.target.maySend) return notSent(peer.target);
    if (!peer.otherEnd) return skip('the peer sends nothing back', startEcho);
    const isOneWay = peer.otherEnd === 'bench';
    return measured(dialled.connection, isOneWay, signal, hostInfo.clock);
  },
};

async function measured(
  connection: Connection,
  isOneWay: boolean,
  signal: AbortSignal,
  clock: PeerContext['hostInfo']['clock'],
): Promise<Result> {
  const send = isOneWay ? oneWay : thereAndBack;
  const { bytes, elapsedMs, complete } = await send(connection, { ...throughputPlan, signal }, clock);
  const rate = megabytesPerSecond(bytes, elapsedMs);
  const figures = { megabytesPerSecond: rate, oneWay: isOneWay };
  const message = `${formatNumber(rate)} MB/s in messages of 64 KiB, ${isOneWay ? 'one way' : 'there and back'}`;
  if (complete) return ok(`${message}; "serpy bench" tells more`, { figures });
  return warn(
    `${message}, and not all came back within ${throughputPlan.limitMs / 1000} s`,
    'the link is slow, or the peer is busy: "serpy bench --duration 60" tells more',
    { figures },
  );
}
