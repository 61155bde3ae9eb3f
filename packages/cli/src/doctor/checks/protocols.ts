/** Checks both protocols on this computer, and detection, sessions and keys. */
import { generateKey } from 'serpy';
import { type Check, type CheckContext, fail, ok, type Result } from './check.js';
import { brokenComputer, exchangeFault, type Pair, type PairOptions, withPair } from './loopback.js';

/** An exchange over a pair, after a check of the pair. */
async function exchange(
  context: CheckContext,
  options: PairOptions,
  success: string,
  problemOf: (pair: Pair) => string | undefined = () => undefined,
): Promise<Result> {
  const fault = await withPair(
    context,
    options,
    async (pair) => problemOf(pair) ?? (await exchangeFault(pair, context.signal)),
  );
  return fault === undefined ? ok(success) : fail(fault, brokenComputer);
}

function protocolCheck(protocol: 'v1' | 'v2'): Check {
  return {
    name: `protocol ${protocol}`,
    limitMs: 10_000,
    run: (context) =>
      exchange(context, { listen: { protocol } }, `text, numbers and bytes arrive unchanged over ${protocol}`),
  };
}

const autoCheck: Check = {
  name: 'auto',
  limitMs: 10_000,
  async run(context) {
    for (const protocol of ['v1', 'v2'] as const) {
      const detected = ({ client }: Pair) =>
        client.peerProtocol === protocol ? undefined : `a ${protocol} server was detected as ${client.peerProtocol}`;
      const options: PairOptions = { listen: { protocol }, connect: { protocol: 'auto', session: 'off' } };
      const result = await exchange(context, options, '', detected);
      if (result.status !== 'ok') return result;
    }
    return ok('the protocol of a server is detected');
  },
};

const sessionCheck: Check = {
  name: 'session',
  limitMs: 10_000,
  run: (context) =>
    exchange(
      context,
      { connect: { protocol: 'v2', session: 'require' } },
      'two programs can have a session',
      ({ client }) => (client.inSession ? undefined : 'the handshake did not create a session'),
    ),
};

const keyCheck: Check = {
  name: 'encryption',
  limitMs: 10_000,
  async run(context) {
    const key = generateKey();
    const isEncrypted = ({ client, accepted }: Pair) =>
      client.encrypted && accepted.encrypted ? undefined : 'the connection with a key is not encrypted';
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
