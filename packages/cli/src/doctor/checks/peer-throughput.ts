/** Measures round trip and throughput of a peer that returns what it receives. */
import { type Connection, isSerpyError } from 'serpy';
import { ask, otherEndOf } from '../../bench/bench-protocol.js';
import { roundTrips } from '../../bench/round-trip.js';
import { summarize } from '../../bench/statistics.js';
import { megabytesPerSecond, oneWay, thereAndBack } from '../../bench/throughput.js';
import { formatNumber, formatTime } from '../../format.js';
import { type Check, fail, ok, type Result, skip, warn } from './check.js';
import { identityQuestion, type PeerContext } from './peer.js';
import { noConnection, notSent } from './peer-protocol.js';

/** Timeout for an echo. */
const echoMs = 3000;
const roundTripPlan = { sizeBytes: 64, maxCount: 200, durationMs: 1000, timeoutMs: echoMs };
const throughputPlan = { sizeBytes: 2 ** 16, durationMs: 1500, limitMs: 10_000 };
/** A round trip within a building is far shorter. */
const slowMs = 100;

const onlyIdentity = `an instrument gets only ${identityQuestion}, since other texts could be commands`;

const startEcho =
  'to measure, start "serpy simulate echo" or "serpy bench --listen" there, or any program that returns what it receives';

export const roundTripCheck: Check<PeerContext> = {
  name: 'round trip',
  limitMs: 20_000,
  async run(context) {
    const { peer, signal, hostInfo } = context;
    const result = await peer.connect(signal);
    if (!('connection' in result)) return noConnection;
    if (!peer.target.maySend) return notSent(peer.target);
    if (peer.target.protocol === 'lines') return skip(onlyIdentity);
    const { connection } = result;
    try {
      const limits = { timeoutMs: echoMs, signal };
      peer.otherEnd = await ask(connection, 'hello', otherEndOf, hostInfo.clock, limits);
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
      'that is slow within a building: the network or a computer is busy, or the connection uses WLAN or a VPN',
      {
        figures,
      },
    );
  },
};

function unanswered(error: unknown): Result {
  if (isSerpyError(error) && error.code === 'ERR_SERPY_TIMEOUT') {
    return skip('the peer returns nothing, as expected if it is not an echo server', startEcho);
  }
  if (isSerpyError(error) && error.code === 'ERR_SERPY_CLOSED') {
    return fail(
      `the peer closed the connection when it received a short text (${error.message})`,
      'read the output of its program; with --connect-only the doctor sends no text',
    );
  }
  throw error;
}

export const throughputCheck: Check<PeerContext> = {
  name: 'throughput',
  limitMs: 30_000,
  async run({ peer, signal, hostInfo }) {
    const result = await peer.connect(signal);
    if (!('connection' in result)) return noConnection;
    if (!peer.target.maySend) return notSent(peer.target);
    if (peer.target.protocol === 'lines') return skip(onlyIdentity);
    if (!peer.otherEnd) return skip('the peer returns nothing', startEcho);
    const isOneWay = peer.otherEnd === 'bench';
    return measured(result.connection, isOneWay, signal, hostInfo.clock);
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
  if (complete) return ok(`${message}; "serpy bench" measures more`, { figures });
  return warn(
    `${message}, and not all messages arrived within ${throughputPlan.limitMs / 1000} s`,
    'the network is slow, or the peer is busy: "serpy bench --duration 60s" measures more',
    { figures },
  );
}
