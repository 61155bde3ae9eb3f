/** What the doctor has found, as lines for people and as an object for a bug report. */
import type { Colors, Part } from '../environment/terminal.js';
import { version } from '../version.js';
import type { Status } from './checks/check.js';
import type { HostInfo } from './checks/host-info.js';
import type { CheckOutcome } from './run-checks.js';

const nameWidth = 14;
const statusWidth = 5;

/** One check: a line, and below it what to do. */
export function linesOf({ status, name, message, advice }: CheckOutcome, colours: Colors): Part[][] {
  const colour = { ok: colours.green, warn: colours.yellow, FAIL: colours.red, skip: colours.dim }[status];
  const line = [colour(status.padEnd(statusWidth)), ` ${name.padEnd(nameWidth)} ${message}`];
  if (advice === undefined) return [line];
  return [line, [' '.repeat(statusWidth + nameWidth + 2), colours.dim('->'), ` ${advice}`]];
}

/** How many checks ended so. */
export function count(results: readonly CheckOutcome[], status: Status): number {
  return results.filter((each) => each.status === status).length;
}

/**
 * What a bug report needs: versions, the platform and every finding.
 * @param sent what was sent to a peer, in words
 * @param subject what was examined: neither options nor a whole URL, as these may hold what nobody else must see
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
