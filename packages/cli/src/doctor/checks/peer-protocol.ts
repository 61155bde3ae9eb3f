/** What a peer that was reached speaks: protocol, encryption, session. */
import { type Connection, isLoopback } from 'serpy';
import { type Check, fail, ok, type Result, skip, warn } from './check.js';
import { sentenceOf } from './loopback.js';
import { type ConnectResult, type PeerContext, shownUrl, type Target } from './peer.js';

/** What is said where there is no connection to look at. */
export const noConnection = skip('there is no connection: see the lines above');

/** What is said of checks that would send something. */
export function notSent(target: Target): Result {
  return skip(`${target.secured ? 'only the handshake of TLS' : 'nothing'} was sent, as --connect-only says`);
}

/** So long a peer that is sent nothing may take to say something by itself. */
const listenMs = 1000;

export const protocolCheck: Check<PeerContext> = {
  name: 'protocol',
  limitMs: 20_000,
  async run({ peer, signal }) {
    const dialled = await peer.connect(signal);
    if (!('connection' in dialled)) return unspoken(dialled, peer.target);
    const { connection } = dialled;
    const { target } = peer;
    if (!target.maySend) return heard(connection, target, await peer.listen(listenMs, signal));
    const spoken = connection.peerProtocol ?? 'v2';
    const extra = { figures: { protocol: spoken } };
    const isSilent = spoken === 'v2' && connection.stats().bytesReceived === 0;
    if (isSilent && target.protocol === 'v1') {
      return fail('it does not answer as a v1 server does', `for a v2 server write ${shownUrl(target, 'v2')}`, extra);
    }
    if (target.protocol !== 'auto' && target.protocol !== spoken) {
      return fail(
        `it speaks ${spoken}, and was taken for ${target.protocol}`,
        `write ${shownUrl(target, spoken)}`,
        extra,
      );
    }
    if (!isSilent) return ok(`it speaks ${spoken}`, extra);
    return warn(
      'it has said nothing, as a v2 server of the Python module does until it has something to say',
      'if it is one, all is well; if not, look at what listens on that port',
      extra,
    );
  },
};

/** What a peer has said that was sent nothing. */
function heard(connection: Connection, target: Target, ended: boolean): Result {
  const { protocol } = connection;
  const { error } = connection.closeInfo ?? {};
  if (connection.stats().messagesReceived > 0) return ok(`it speaks ${protocol}`, { figures: { protocol } });
  const [, looks] = error === undefined ? [] : (/it looks like (v[12])/.exec(error.message) ?? []);
  if (looks === 'v1' || looks === 'v2') {
    const figures = { protocol: looks };
    if (target.protocol === 'auto' || target.protocol === looks) return ok(`it speaks ${looks}`, { figures });
    return fail(`it speaks ${looks}, and was taken for ${target.protocol}`, `write ${shownUrl(target, looks)}`, {
      figures,
    });
  }
  if (error !== undefined) return unspoken({ problem: 'stranger', error: new Error('', { cause: error }) }, target);
  if (ended) return unspoken({ problem: 'hung-up', error: new Error('') }, target);
  return skip(`${notSent(target).message}, and it has said nothing by itself: what it speaks is not known`);
}

/** Why nothing of serpy was heard. */
function unspoken(dialled: Extract<ConnectResult, { error: Error }>, target: Target): Result {
  const { secured, protocol, maySend } = target;
  switch (dialled.problem) {
    case 'stranger':
      if (!secured && seemsEncrypted(dialled)) return skip('it encrypts: see the next line');
      return fail(strangeness(dialled.error), 'give the port of the serpy program: another one listens on this');
    case 'hung-up':
      return fail(
        'it hung up at once',
        `its server may have as many connections as it takes (maxConnections: close one), want a key (--key-file), or be another program${
          maySend ? `; ${otherProtocol(target, protocol)}` : ''
        }`,
      );
    default:
      return noConnection;
  }
}

/** A program that somebody has written by hand may not bear to be asked what it speaks. */
function otherProtocol(target: Target, protocol: Target['protocol']): string {
  const names = protocol === 'auto' ? (['v2', 'v1'] as const) : ([protocol] as const);
  const urls = names.map((each) => shownUrl(target, each)).join(' or ');
  return `one that speaks a single protocol may hang up when it is asked which: try your program, or "serpy send", with ${urls}, and --connect-only here`;
}

/** The facade says who it looks like, where it knows. */
function strangeness({ cause }: Error): string {
  const [, looks] = /it looks like ([^:]*)/.exec(sentenceOf(cause)) ?? [];
  return looks === undefined ? sentenceOf(cause) : `it does not speak serpy but looks like ${looks}`;
}

function seemsEncrypted({ problem, error }: Extract<ConnectResult, { error: Error }>): boolean {
  return problem === 'stranger' && /looks like TLS/.test(sentenceOf(error.cause));
}

export const encryptionCheck: Check<PeerContext> = {
  name: 'key',
  limitMs: 20_000,
  async run({ peer, signal }) {
    const dialled = await peer.connect(signal);
    const { secured, host } = peer.target;
    if ('connection' in dialled) {
      const { encrypted, identity } = dialled.connection;
      const figures = { encrypted };
      if (encrypted) return ok(`the link is encrypted, and the peer has proved who it is (${identity})`, { figures });
      if (isLoopback(host)) return ok('not encrypted; nothing leaves this computer', { figures });
      return warn(
        'not encrypted: whoever is in the network can read along, and connect',
        'make a key with "serpy keygen", copy it to both ends, and give it to both (--key-file)',
        { figures },
      );
    }
    const { problem, error } = dialled;
    if (problem === 'unproven') {
      return fail(
        sentenceOf(error),
        'give both ends the same key file; where they have it, compare: its text is the same in both, to the last letter',
      );
    }
    if (!secured && seemsEncrypted(dialled)) {
      return fail('the peer wants an encrypted link', 'give the key that it has: --key-file FILE');
    }
    return noConnection;
  },
};

export const sessionCheck: Check<PeerContext> = {
  name: 'session',
  limitMs: 20_000,
  async run({ peer, signal }) {
    const dialled = await peer.connect(signal);
    if (!('connection' in dialled)) return noConnection;
    if (!peer.target.maySend) return notSent(peer.target);
    const { connection } = dialled;
    const figures = { session: connection.inSession };
    if (connection.inSession) return ok('both ends have a session: no message is lost with a link', { figures });
    const why = connection.peerProtocol === 'v1' ? 'v1 has no sessions' : 'the peer makes no session';
    return ok(`${why}: what is on its way when a link breaks may be lost`, { figures });
  },
};
