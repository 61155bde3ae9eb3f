/** Whether a peer can be reached, and if not, what to do about it. */
import { isLoopback } from 'serpy';
import { type Check, fail, ok, type Result, skip } from './check.js';
import { sentenceOf } from './loopback.js';
import type { PeerContext, Target } from './peer.js';
import { causeCode } from './ports.js';

export const addressCheck: Check<PeerContext> = {
  name: 'address',
  limitMs: 15_000,
  async run({ hostInfo, peer }) {
    const { host } = peer.target;
    if (/^[\d.]+$|:/.test(host)) return skip(`${host} is an address and no name`);
    try {
      const addresses = await hostInfo.lookup(host);
      return ok(`${host} is ${addresses.join(', ')}`, { figures: { addresses: addresses.join(' ') } });
    } catch (error) {
      peer.isNameUnknown = true;
      return fail(
        `no computer is known by the name ${host} (${sentenceOf(error)})`,
        `check its spelling, or give its IP address, which it tells itself with ${ownAddress}`,
      );
    }
  },
};

const ownAddress = '"ipconfig" (Windows) or "ip address" (Linux)';

export const reachableCheck: Check<PeerContext> = {
  name: 'reachable',
  limitMs: 20_000,
  async run({ peer, signal }) {
    const dialled = await peer.connect(signal);
    const { host, port } = peer.target;
    if (peer.isNameUnknown && !('connection' in dialled)) return skip('without an address nobody can be reached');
    if ('connection' in dialled) return ok(`a program listens on port ${port} of ${host}`);
    if (dialled.problem !== 'unreachable') {
      return ok(`something listens on port ${port} of ${host}; the lines below say why it is of no use yet`);
    }
    return unreachable(peer.target, dialled.error);
  },
};

/** What the system says, and what that may come from. */
function unreachable(target: Target, error: Error): Result {
  const { host, port } = target;
  const code = causeCode(error) ?? 'none';
  const figures = { code };
  const told = adviceOf(target)[code];
  if (told) return fail(`${told.what} (${code})`, told.advice, { figures });
  if (/did not answer within|ETIMEDOUT/.test(error.message)) {
    const { what, advice } = silent(target);
    return fail(what, advice, { figures: { code: 'ETIMEDOUT' } });
  }
  return fail(`${host}:${port} cannot be reached: ${error.message}`, `check address and network: ping ${host}`, {
    figures,
  });
}

interface Explanation {
  readonly what: string;
  readonly advice: string;
}

const openFirewall =
  'allow its program (node, python) in the firewall of that computer; on Windows: "Windows Defender Firewall", ' +
  '"Allow an app", and tick the kind of network that it is in';

function adviceOf(target: Target): Readonly<Record<string, Explanation | undefined>> {
  const { host, port } = target;
  const unknown: Explanation = {
    what: `no computer is known by the name ${host}`,
    advice: `check its spelling, or give its IP address, which it tells itself with ${ownAddress}`,
  };
  const noWay: Explanation = {
    what: `there is no way to ${host}`,
    advice: `check cable, network and address: both computers must be in the same network, or have a router between them; try ping ${host}`,
  };
  const forbidden: Explanation = {
    what: `this computer does not allow a connection to ${host}:${port}`,
    advice: 'a firewall or security program of this computer is in the way: allow node in it',
  };
  return {
    ECONNREFUSED: {
      what: `${host} is there, and nothing listens on its port ${port}`,
      advice: isLoopback(host)
        ? `start the server, or correct the port; to try: serpy listen --port ${port}`
        : 'start the server there, or correct the port; a server that listens on 127.0.0.1 is heard by its own computer alone: ' +
          'let it listen on 0.0.0.0, with a key',
    },
    ENOTFOUND: unknown,
    EAI_AGAIN: { ...unknown, what: `the name ${host} cannot be looked up just now` },
    EHOSTUNREACH: noWay,
    ENETUNREACH: noWay,
    EHOSTDOWN: noWay,
    ETIMEDOUT: silent(target),
    EACCES: forbidden,
    EPERM: forbidden,
    EADDRNOTAVAIL: {
      what: `${host} is no address to connect to`,
      advice: 'give the address of the server itself: 0.0.0.0 is for listening',
    },
  };
}

function silent({ host, port }: Target): Explanation {
  return {
    what: `${host}:${port} does not answer`,
    advice: `is that computer on, and the address right (ping ${host})? If so a firewall swallows the connection: ${openFirewall}`,
  };
}
