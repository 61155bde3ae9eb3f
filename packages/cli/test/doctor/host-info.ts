/** A computer as a test wants the doctor to see it. */
import type { Check, CheckContext, Limits, Result } from '../../src/doctor/checks/check.js';
import { type HostInfo, systemHostInfo } from '../../src/doctor/checks/host-info.js';
import { Peer, type PeerContext, type Target } from '../../src/doctor/checks/peer.js';
import { systemClock } from '../../src/environment/system.js';

/** This computer, but for what the test says. */
export function surroundings(other: Partial<HostInfo> = {}): HostInfo {
  return { ...systemHostInfo({ clock: systemClock, platform: 'linux' }), ...other };
}

/** Runs one check of this computer. */
export function check(one: Check, other: Partial<HostInfo> = {}, signal = never()): Promise<Result> {
  const context: CheckContext = { hostInfo: surroundings(other), signal };
  return one.run(context);
}

/** The context of a peer. */
export function peerContext(target: Partial<Target>, other: Partial<HostInfo> = {}): PeerContext {
  const world = surroundings(other);
  const { host = '127.0.0.1', port = 5001 } = target;
  const whole: Target = {
    options: { protocol: 'auto', host, port, closeTimeoutMs: 100 },
    protocol: 'auto',
    host,
    port,
    secured: false,
    maySend: true,
    ...target,
  };
  return { hostInfo: world, peer: new Peer(whole, world), signal: never() };
}

/** Runs checks of one peer, one after the other, and gives their results by name. */
export async function inspect(
  checks: readonly Check<PeerContext>[],
  context: PeerContext,
): Promise<Record<string, Result>> {
  const results: Record<string, Result> = {};
  for (const each of checks) results[each.name] = await each.run(context);
  await context.peer.close();
  return results;
}

/** The time is never up. */
export function never(): Limits['signal'] {
  return new AbortController().signal;
}

/** What the system says when it refuses, as the facade hands it on. */
export function refusal(facadeCode: string, message: string, cause?: string | Error): Error {
  const error = Object.assign(new Error(message), { code: facadeCode });
  Object.defineProperty(error, Symbol.for('serpy.Error'), { value: true });
  if (cause !== undefined)
    error.cause = typeof cause === 'string' ? Object.assign(new Error(cause), { code: cause }) : cause;
  return error;
}
