/** Checks the version of Node. */
import { type Check, fail, ok } from './check.js';

/** The same as `engines` in package.json. */
export const oldestNode = '20.19';

export const nodeCheck: Check = {
  name: 'node',
  limitMs: 1000,
  async run({ hostInfo: { nodeVersion, platform, arch } }) {
    const message = `Node ${nodeVersion} on ${platform} ${arch}`;
    if (!isOlder(nodeVersion, oldestNode)) return ok(message, { figures: { version: nodeVersion } });
    return fail(`${message} is too old`, `install Node ${oldestNode} or later from https://nodejs.org`, {
      figures: { version: nodeVersion },
    });
  },
};

function isOlder(version: string, than: string): boolean {
  const [parts, others] = [version, than].map((each) => each.split('.').map(Number.parseFloat));
  for (const [index, other] of (others ?? []).entries()) {
    const part = parts?.[index] ?? 0;
    if (part !== other) return part < other;
  }
  return false;
}
