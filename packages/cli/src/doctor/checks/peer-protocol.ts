/** Checks what a reachable peer speaks: protocol, encryption, session. */
import { type Connection, isLoopback, isSerpyError } from 'serpy';
import { printable } from '../../environment/terminal.js';
import { type Check, fail, ok, type Result, skip, warn } from './check.js';
import { sentenceOf } from './loopback.js';
import { type ConnectFailure, identityQuestion, type PeerContext, sentTo, shownUrl, type Target } from './peer.js';

/** The result of checks that need a connection, without one. */
export const noConnection = skip('there is no connection');

/** The result of checks that would send something, under `--connect-only`. */
export function notSent(target: Target): Result {
  const sent = target.secured ? `only ${sentTo(target)} was sent` : 'nothing was sent';
  return skip(`${sent} (--connect-only)`);
}

/** Time for a peer to send something by itself, under `--connect-only`. */
const listenMs = 1000;

export const protocolCheck: Check<PeerContext> = {
  name: 'protocol',
  limitMs: 20_000,
  async run({ peer, signal }) {
    const result = await peer.connect(signal);
    if (!('connection' in result)) return undetected(result, peer.target);
    const { connection } = result;
    const { target } = peer;
    if (!target.maySend) return heard(connection, target, await peer.listen(listenMs, signal));
    if (target.protocol === 'lines') return identityOf(connection, signal);
    const spoken = connection.peerProtocol ?? 'v2';
    const extra = { figures: { protocol: spoken } };
    const isSilent = spoken === 'v2' && connection.stats().bytesReceived === 0;
    if (isSilent && target.protocol === 'v1') {
      return fail('the peer does not answer like a v1 server', `for a v2 server use ${shownUrl(target, 'v2')}`, extra);
    }
    if (target.protocol !== 'auto' && target.protocol !== spoken) return mismatch(target, spoken);
    if (!isSilent) return ok(`the peer speaks ${spoken}`, extra);
    return warn(
      'the peer has sent nothing, like a v2 server of the Python module serpy2 without data',
      'if it is such a server, all is well; if not, check which program listens on that port',
      extra,
    );
  },
};

/** Time for an instrument to answer. */
const identityMs = 2000;

/** Asks an instrument that speaks lines of text what it is. */
async function identityOf(connection: Connection, signal: AbortSignal): Promise<Result> {
  const extra = { figures: { protocol: 'lines' } };
  try {
    await connection.sendData(identityQuestion, { signal });
    const identity = await connection.getMessage({ timeoutMs: identityMs, signal });
    return ok(`lines of text; ${identityQuestion} is answered by ${quoted(identity.text())}`, extra);
  } catch (error) {
    if (!isSerpyError(error) || signal.aborted) throw error;
    const { error: fault = error } = connection.closeInfo ?? {};
    if (error.code === 'ERR_SERPY_CLOSED') return fail(sentenceOf(fault), 'read the manual of the instrument', extra);
    return warn(
      `the peer does not answer ${identityQuestion} within ${identityMs / 1000} s`,
      "set the terminator of the instrument's manual, such as -o 'terminator=\\r\\n'; a device without SCPI commands has no answer",
      extra,
    );
  }
}

/** At most 80 characters of a text of the peer. */
function quoted(text: string): string {
  return `"${printable(text.length > 80 ? `${text.slice(0, 80)}…` : text)}"`;
}

/** The result for a peer to which nothing was sent. */
function heard(connection: Connection, target: Target, isClosed: boolean): Result {
  const { protocol } = connection;
  const { error } = connection.closeInfo ?? {};
  if (connection.stats().messagesReceived > 0) return ok(`the peer speaks ${protocol}`, { figures: { protocol } });
  const [, looks] = error === undefined ? [] : (/looks like (v[12])/.exec(error.message) ?? []);
  if (looks === 'v1' || looks === 'v2') {
    if (target.protocol !== 'auto' && target.protocol !== looks) return mismatch(target, looks);
    return ok(`the peer speaks ${looks}`, { figures: { protocol: looks } });
  }
  if (error !== undefined) return undetected({ problem: 'foreign', error: new Error('', { cause: error }) }, target);
  if (isClosed) return undetected({ problem: 'closed', error: new Error('') }, target);
  return skip(`${notSent(target).message}, and the peer has sent nothing by itself: its protocol is unknown`);
}

function mismatch(target: Target, spoken: 'v1' | 'v2' | 'lines'): Result {
  return fail(`the peer speaks ${spoken}, and the URL says ${target.protocol}`, `use ${shownUrl(target, spoken)}`, {
    figures: { protocol: spoken },
  });
}

/** Why the protocol was not detected. */
function undetected(result: ConnectFailure, target: Target): Result {
  const { secured, protocol, maySend } = target;
  switch (result.problem) {
    case 'foreign':
      if (!secured && seemsEncrypted(result)) return skip('the peer uses encryption: see the next line');
      return fail(
        foreignProtocol(result.error),
        'use the port of the serpy program: another program listens on this one',
      );
    case 'closed':
      return fail(
        'the peer closed the connection at once',
        `its server may be full (maxConnections), need a key (--key-file), or be another program${
          maySend ? `; ${otherProtocol(target, protocol)}` : ''
        }`,
      );
    default:
      return noConnection;
  }
}

/** A hand-written program can close the connection when it gets the probe. */
function otherProtocol(target: Target, protocol: Target['protocol']): string {
  if (protocol === 'lines') return 'or it accepts one client only, as many instruments do';
  const names = protocol === 'auto' ? (['v2', 'v1'] as const) : ([protocol] as const);
  const urls = names.map((each) => shownUrl(target, each)).join(' or ');
  return `or it accepts only one protocol: try your program, or "serpy send", with ${urls}, and --connect-only here`;
}

/** The package `serpy` names the other protocol, if it recognizes it. */
function foreignProtocol({ cause }: Error): string {
  const [, looks] = /looks like ([^:]*)/.exec(sentenceOf(cause)) ?? [];
  return looks === undefined ? sentenceOf(cause) : `the peer does not speak serpy, it looks like ${looks}`;
}

function seemsEncrypted({ problem, error }: ConnectFailure): boolean {
  return problem === 'foreign' && /looks like TLS/.test(sentenceOf(error.cause));
}

export const encryptionCheck: Check<PeerContext> = {
  name: 'key',
  limitMs: 20_000,
  async run({ peer, signal }) {
    const result = await peer.connect(signal);
    const { secured, host } = peer.target;
    if ('connection' in result) {
      const { encrypted, identity } = result.connection;
      const figures = { encrypted };
      if (encrypted) return ok(`encrypted, and the peer is authenticated (${identity})`, { figures });
      if (isLoopback(host)) return ok('not encrypted; no data leaves this computer', { figures });
      return warn(
        'not encrypted: every computer in the network can connect, and may read the data',
        'create a key with "serpy keygen", copy it to both ends, and use it at both (--key-file)',
        { figures },
      );
    }
    const { problem, error } = result;
    if (problem === 'unauthenticated') {
      return fail(
        sentenceOf(error),
        'use the same key file at both ends; if they have it, compare the files character by character',
      );
    }
    if (!secured && seemsEncrypted(result)) {
      return fail('the peer accepts only encrypted connections', 'use its key: --key-file FILE');
    }
    return noConnection;
  },
};

export const sessionCheck: Check<PeerContext> = {
  name: 'session',
  limitMs: 20_000,
  async run({ peer, signal }) {
    const result = await peer.connect(signal);
    if (!('connection' in result)) return noConnection;
    if (!peer.target.maySend) return notSent(peer.target);
    const { connection } = result;
    const { name } = connection.peer;
    const figures = { session: connection.inSession, ...(name !== undefined && { name }) };
    const called = name === undefined ? '' : ` (the peer calls itself ${quoted(name)})`;
    if (connection.inSession)
      return ok(`both ends have a session: a broken connection loses no message${called}`, { figures });
    const { peerProtocol } = connection;
    const why =
      { v1: 'v1 has no sessions', lines: 'lines have no sessions' }[peerProtocol as string] ??
      'the peer has no sessions';
    return ok(`${why}: messages in flight may be lost when the connection breaks`, { figures });
  },
};

export const agreementCheck: Check<PeerContext> = {
  name: 'agreed',
  limitMs: 20_000,
  async run({ peer, signal }) {
    const result = await peer.connect(signal);
    if (!('connection' in result)) return noConnection;
    if (!peer.target.maySend) return notSent(peer.target);
    const agreed = result.connection.describe();
    return ok(agreed, { figures: { agreed } });
  },
};
