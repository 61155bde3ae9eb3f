/** Checks that a peer can be reached, and says what to do if not. */
import { isLoopback } from 'serpy';
import { type Check, fail, ok, type Result, skip } from './check.js';
import { sentenceOf } from './loopback.js';
import { isTimeout, type PeerContext, type Target } from './peer.js';
import { causeCode } from './ports.js';

export const addressCheck: Check<PeerContext> = {
  name: 'address',
  limitMs: 15_000,
  async run({ hostInfo, peer }) {
    const { host } = peer.target;
    if (/^[\d.]+$|:/.test(host)) return skip(`${host} is an address, not a name`);
    try {
      const addresses = await hostInfo.lookup(host);
      return ok(`${host} is ${addresses.join(', ')}`, { figures: { addresses: addresses.join(' ') } });
    } catch (error) {
      peer.isNameUnknown = true;
      return fail(
        `the name ${host} is unknown (${sentenceOf(error)})`,
        `check its spelling, or use its IP address, which ${ownAddress} shows on that computer`,
      );
    }
  },
};

const ownAddress = '"ipconfig" (Windows) or "ip address" (Linux)';

export const reachableCheck: Check<PeerContext> = {
  name: 'reachable',
  limitMs: 20_000,
  async run({ peer, signal }) {
    const result = await peer.connect(signal);
    const { host, port } = peer.target;
    if (peer.isNameUnknown && !('connection' in result)) return skip('there is no address');
    if ('connection' in result) return ok(`a program listens on port ${port} of ${host}`);
    if (result.problem !== 'unreachable') {
      return ok(`a program listens on port ${port} of ${host}; the lines below say why there is no connection`);
    }
    return unreachable(peer.target, result.error);
  },
};

/** The system's error, and its likely reasons. */
function unreachable(target: Target, error: Error): Result {
  const { host, port } = target;
  const code = causeCode(error) ?? 'none';
  const figures = { code };
  const known = adviceOf(target)[code];
  if (known) return fail(`${known.what} (${code})`, known.advice, { figures });
  if (isTimeout(error)) {
    const { what, advice } = silent(target);
    return fail(what, advice, { figures: { code: 'ETIMEDOUT' } });
  }
  return fail(`cannot reach ${host}:${port}: ${error.message}`, `check address and network: ping ${host}`, {
    figures,
  });
}

interface Explanation {
  readonly what: string;
  readonly advice: string;
}

const openFirewall =
  'allow its program (node, python) in the firewall of that computer; on Windows: "Windows Defender Firewall", ' +
  '"Allow an app", and select the kind of its network';

function adviceOf(target: Target): Readonly<Record<string, Explanation | undefined>> {
  const { host, port } = target;
  const unknown: Explanation = {
    what: `the name ${host} is unknown`,
    advice: `check its spelling, or use its IP address, which ${ownAddress} shows on that computer`,
  };
  const noRoute: Explanation = {
    what: `there is no route to ${host}`,
    advice: `check cable, network and address: both computers must be in the same network, or have a router between them; try ping ${host}`,
  };
  const forbidden: Explanation = {
    what: `this computer does not allow a connection to ${host}:${port}`,
    advice: 'a firewall or security program of this computer blocks it: allow node',
  };
  return {
    ECONNREFUSED: {
      what: `${host} is reachable, and no program listens on its port ${port}`,
      advice: isLoopback(host)
        ? `start the server, or correct the port; for a test: serpy listen --port ${port}`
        : 'start the server there, or correct the port; a server on 127.0.0.1 accepts only its own computer: ' +
          'let it listen on 0.0.0.0, with a key',
    },
    ENOTFOUND: unknown,
    EAI_AGAIN: { ...unknown, what: `the name ${host} cannot be resolved now` },
    EHOSTUNREACH: noRoute,
    ENETUNREACH: noRoute,
    EHOSTDOWN: noRoute,
    ETIMEDOUT: silent(target),
    EACCES: forbidden,
    EPERM: forbidden,
    EADDRNOTAVAIL: {
      what: `no program can connect to the address ${host}`,
      advice: 'use the address of the server: 0.0.0.0 is for listening',
    },
  };
}

function silent({ host, port }: Target): Explanation {
  return {
    what: `${host}:${port} does not answer`,
    advice: `check that the computer is on and the address is right (ping ${host}); if they are, a firewall may block the connection: ${openFirewall}`,
  };
}
