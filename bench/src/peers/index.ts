/** All peers, in the order of the tables. */
import type { Peer, PeerFile } from '../peer.js';
import * as lengthPrefix from './length-prefix.js';
import * as mqtt from './mqtt.js';
import * as native from './native.js';
import * as nats from './nats.js';
import * as python from './python.js';
import * as raw from './raw.js';
import * as serpyV1 from './serpy-v1.js';
import * as serpyV2 from './serpy-v2.js';
import * as socketIo from './socket-io.js';
import * as tls from './tls.js';
import * as ws from './ws.js';
import * as wsRequest from './ws-request.js';
import * as zeromq from './zeromq.js';
import * as zeromqRequest from './zeromq-request.js';

const files: readonly PeerFile[] = [
  raw,
  native,
  tls,
  lengthPrefix,
  serpyV2,
  serpyV1,
  ws,
  wsRequest,
  zeromq,
  zeromqRequest,
  socketIo,
  mqtt,
  nats,
  python,
];

export const peers: readonly Peer[] = files.flatMap((file) => file.peers);

export function findPeer(name: string): Peer | undefined {
  return peers.find((peer) => peer.name === name);
}
