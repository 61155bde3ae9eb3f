/** Both protocols against themselves on this computer, and what stands above them: finding out, sessions, keys. */
import { generateKey } from 'serpy';
import { type Check, type CheckContext, fail, ok, type Result } from './check.js';
import { brokenComputer, exchangeFault, type Pair, type PairOptions, withPair } from './loopback.js';

/** An exchange over a pair, after a look at the pair. */
async function exchange(
  context: CheckContext,
  options: PairOptions,
  good: string,
  wrongWith: (pair: Pair) => string | undefined = () => undefined,
): Promise<Result> {
  const fault = await withPair(
    context,
    options,
    async (pair) => wrongWith(pair) ?? (await exchangeFault(pair, context.signal)),
  );
  return fault === undefined ? ok(good) : fail(fault, brokenComputer);
}

function protocolCheck(protocol: 'v1' | 'v2'): Check {
  return {
    name: `protocol ${protocol}`,
    limitMs: 10_000,
    run: (context) =>
      exchange(context, { listen: { protocol } }, `text, numbers and bytes arrive over ${protocol} as they were sent`),
  };
}

const autoCheck: Check = {
  name: 'auto',
  limitMs: 10_000,
  async run(context) {
    for (const protocol of ['v1', 'v2'] as const) {
      const seen = ({ client }: Pair) =>
        client.peerProtocol === protocol ? undefined : `a ${protocol} server was taken for ${client.peerProtocol}`;
      const options: PairOptions = { listen: { protocol }, connect: { protocol: 'auto', session: 'off' } };
      const result = await exchange(context, options, '', seen);
      if (result.status !== 'ok') return result;
    }
    return ok('which protocol a server speaks is found out');
  },
};

const sessionCheck: Check = {
  name: 'session',
  limitMs: 10_000,
  run: (context) =>
    exchange(
      context,
      { connect: { protocol: 'v2', session: 'require' } },
      'a handshake makes a session, in which nothing is lost',
      ({ client }) => (client.inSession ? undefined : 'there was a handshake and no session'),
    ),
};

const keyCheck: Check = {
  name: 'encryption',
  limitMs: 10_000,
  async run(context) {
    const key = generateKey();
    const isEncrypted = ({ client, accepted }: Pair) =>
      client.encrypted && accepted.encrypted ? undefined : 'with a key the link is not encrypted';
    return exchange(context, { listen: { key }, connect: { key } }, 'a key encrypts (TLS 1.3)', isEncrypted);
  },
};

export const protocolChecks: readonly Check[] = [
  protocolCheck('v1'),
  protocolCheck('v2'),
  autoCheck,
  sessionCheck,
  keyCheck,
];
