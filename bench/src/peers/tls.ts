/**
 * node:tls only, with a pre-shared key and the cipher of serpy's key: what encryption costs without messages.
 * As in `raw`, small writes are corked.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import type { Peer } from '../peer.js';
import { RawLink } from './raw.js';
import { nodeAvailable } from './tcp.js';

/** TLS 1.3 with the suite that two ends with a serpy key agree on. */
const suite = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256' } as const;

/** A key that both processes know. It protects nothing. */
const psk = Buffer.alloc(32, 'bench');

const bareTls: Peer = {
  name: 'tls',
  kinds: ['one-way', 'round-trip', 'acknowledged', 'idle', 'slow-reader'],
  available: nodeAvailable,
  async server({ messageBytes }, accept) {
    const server = createServer({ ...suite, noDelay: true, pskCallback: () => psk }, (socket) =>
      accept(new RawLink(socket, messageBytes)),
    );
    server.listen(0, '127.0.0.1', 4096);
    await once(server, 'listening');
    return { address: { host: '127.0.0.1', port: (server.address() as AddressInfo).port } };
  },
  async client({ messageBytes }, { host, port }) {
    const pskCallback = () => ({ psk, identity: 'bench' });
    const socket = connect({ ...suite, host, port, pskCallback, checkServerIdentity: () => undefined });
    await once(socket, 'secureConnect');
    socket.setNoDelay(true);
    return new RawLink(socket, messageBytes);
  },
};

export const peers: readonly Peer[] = [bareTls];
