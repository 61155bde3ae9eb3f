/** One end of one peer in its own process: `worker.js server|client PEER WORKLOAD [ADDRESS]`. It implements protocol.ts. */
import { createInterface } from 'node:readline';
import { Client } from './client.js';
import type { Address } from './peer.js';
import { findPeer } from './peers/index.js';
import type { CallName, Reply, Request, Role } from './protocol.js';
import { Server } from './server.js';
import type { Workload } from './workload.js';

function reply(reply: Reply): void {
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}

function fail(error: unknown): void {
  reply({ error: error instanceof Error ? error.message : String(error) });
}

async function start(role: Role, name: string, workload: Workload, address: Address | undefined) {
  const peer = findPeer(name);
  if (peer === undefined || 'command' in peer) throw new Error(`${name} is not a peer for Node`);
  if (role === 'server') return await Server.start(peer, workload);
  if (address === undefined) throw new Error('a client needs the address of its server');
  return await Client.start(peer, workload, address);
}

const [role, name = '', workload = '', address] = process.argv.slice(2);
process.on('uncaughtException', fail);
// The runner has exited, or needs no more.
process.stdin.on('end', () => process.exit());

try {
  const end = await start(
    role as Role,
    name,
    JSON.parse(workload),
    address === undefined ? undefined : JSON.parse(address),
  );
  createInterface(process.stdin).on('line', (line) => {
    const request = JSON.parse(line) as Request;
    const answer = (end.calls as Partial<Record<CallName, (request: Request) => Promise<object>>>)[request.do];
    if (answer === undefined) fail(`a ${role} does not ${request.do}`);
    else answer(request).then((answer) => reply({ answer }), fail);
  });
  reply({ answer: { address: end.address } });
} catch (error) {
  fail(error);
}
