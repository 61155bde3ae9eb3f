/** A pair of connections on this computer, and the checks of its addresses. */
import { type ConnectOptions, isSerpyError, type ListenOptions, type PortableConnection } from 'serpy';
import { type Check, type CheckContext, fail, ok, type Result, warn } from './check.js';

export interface Pair {
  readonly client: PortableConnection;
  readonly accepted: PortableConnection;
  readonly port: number;
}

/** The options of a pair. Default: v2 without a session over 127.0.0.1, at any free port. */
export interface PairOptions {
  readonly listen?: Partial<ListenOptions>;
  readonly connect?: Partial<ConnectOptions>;
}

/** Timeout for closing a pair. */
const closeTimeoutMs = 1000;

/** Creates a pair, runs a function with it, and closes it. @throws the errors of `listen`, `connect` and the function */
export async function withPair<R>(
  { hostInfo, signal }: CheckContext,
  options: PairOptions,
  run: (pair: Pair) => Promise<R>,
): Promise<R> {
  const serving = { protocol: 'v2', host: '127.0.0.1', port: 0, closeTimeoutMs, ...options.listen } as ListenOptions;
  const server = await hostInfo.listen(serving);
  const quiet = () => {};
  server.on('warning', quiet);
  const opened: PortableConnection[] = [];
  const open = <C extends PortableConnection>(connection: C): C => {
    connection.on('warning', quiet);
    opened.push(connection);
    return connection;
  };
  const stop = () => {
    for (const connection of opened) connection.destroy();
  };
  signal.addEventListener('abort', stop);
  try {
    const { port } = server.address;
    const connecting = { protocol: serving.protocol, host: serving.host, closeTimeoutMs, ...options.connect, port };
    const [client, accepted] = await Promise.all([
      hostInfo.connect(connecting as ConnectOptions, { signal }).then(open),
      server.getConnection({ signal }).then(open),
    ]);
    const result = await run({ client, accepted, port });
    await client.close();
    return result;
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
    await server.closeServer();
  }
}

/** Exchanges a few messages both ways. Resolves with the problem, or undefined. */
export async function exchangeFault({ client, accepted }: Pair, signal: AbortSignal): Promise<string | undefined> {
  const bytes = Buffer.from(Uint8Array.from({ length: 100_000 }, (_, index) => index % 251));
  for (const [from, to] of [[client, accepted] as const, [accepted, client] as const]) {
    for (const value of ['temperature?', 42, 21.5, bytes]) {
      await from.sendData(value, { signal });
      const message = await to.getMessage({ signal });
      const expected = typeof value === 'object' ? value : Buffer.from(String(value));
      if (!message.bytes().equals(expected)) return `${typeof value === 'object' ? 'bytes' : value} arrived corrupted`;
    }
  }
  return undefined;
}

/** Runs an exchange over an address of this computer. */
async function exchangeOver(context: CheckContext, listenHost: string, connectHost = listenHost): Promise<Result> {
  const fault = await withPair(context, { listen: { host: listenHost }, connect: { host: connectHost } }, (pair) =>
    exchangeFault(pair, context.signal),
  );
  if (fault === undefined) return ok(`messages pass both ways over ${connectHost}`);
  return fail(`over ${connectHost} ${fault}`, brokenComputer);
}

export const brokenComputer =
  'a program on this computer changes data, or its memory is defective: look for programs that inspect connections (virus scanners, proxies), ' +
  'and report it with the output of --json';

export const loopback4Check: Check = {
  name: 'loopback IPv4',
  limitMs: 10_000,
  async run(context) {
    try {
      return await exchangeOver(context, '127.0.0.1');
    } catch (error) {
      return fail(
        sentenceOf(error),
        'programs on this computer cannot reach each other: allow connections to 127.0.0.1 in the firewall or security program',
      );
    }
  },
};

export const loopback6Check: Check = {
  name: 'loopback IPv6',
  limitMs: 10_000,
  async run(context) {
    try {
      return await exchangeOver(context, '::1');
    } catch (error) {
      return warn(sentenceOf(error), 'IPv4 is enough: use 127.0.0.1 as the address of this computer, not localhost');
    }
  },
};

export const localhostCheck: Check = {
  name: 'localhost',
  limitMs: 10_000,
  async run(context) {
    try {
      const addresses = await context.hostInfo.lookup('localhost');
      const result = await exchangeOver(context, '127.0.0.1', 'localhost');
      return { ...result, figures: { addresses: addresses.join(' ') } };
    } catch (error) {
      return warn(
        `the name localhost does not resolve to 127.0.0.1: ${sentenceOf(error)}`,
        'use 127.0.0.1 instead, or add the line "127.0.0.1 localhost" to the hosts file of this computer',
      );
    }
  },
};

/** The message of an error. */
export function sentenceOf(error: unknown): string {
  if (isSerpyError(error) || error instanceof Error) return error.message;
  return String(error);
}
