/** The results of the doctor, as lines and as an object for a bug report. */
import type { Colors, Part } from '../environment/terminal.js';
import { version } from '../version.js';
import type { Status } from './checks/check.js';
import type { HostInfo } from './checks/host-info.js';
import type { CheckOutcome } from './run-checks.js';

const nameWidth = 14;
const statusWidth = 5;

/** The lines of one check: its result, and what to do. */
export function linesOf({ status, name, message, advice }: CheckOutcome, colors: Colors): Part[][] {
  const color = { ok: colors.green, warn: colors.yellow, FAIL: colors.red, skip: colors.dim }[status];
  const line = [color(status.padEnd(statusWidth)), ` ${name.padEnd(nameWidth)} ${message}`];
  if (advice === undefined) return [line];
  return [line, [' '.repeat(statusWidth + nameWidth + 2), colors.dim('->'), ` ${advice}`]];
}

/** The number of checks with this status. */
export function count(results: readonly CheckOutcome[], status: Status): number {
  return results.filter((each) => each.status === status).length;
}

/**
 * The object for a bug report: versions, platform and every result.
 * @param subject what was checked: without options and without a complete URL, which can contain secrets
 * @param sent what was sent to a peer, in words
 */
export function asJson(
  subject: string,
  results: readonly CheckOutcome[],
  hostInfo: HostInfo,
  sent?: string | undefined,
): object {
  const { nodeVersion, platform, osRelease, arch, cpus, totalMemoryBytes } = hostInfo;
  return {
    subject,
    ...(sent !== undefined && { sent }),
    ok: count(results, 'FAIL') === 0,
    serpy: version,
    node: nodeVersion,
    platform,
    osRelease,
    arch,
    cpus,
    totalMemoryBytes,
    checks: results.map(({ name, status, message, advice, elapsedMs, figures }) => ({
      name,
      status,
      message,
      advice: advice ?? null,
      elapsedMs,
      ...(figures && { figures }),
    })),
  };
}
