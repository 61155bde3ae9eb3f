/** CURVE, the encryption of ZeroMQ: the options of both ends, with keys that last as long as the processes. */
import type { Address, Availability } from '../peer.js';
import { versionOf } from './installed.js';

/** A build of libzmq can lack CURVE. */
export async function curveAvailable(): Promise<Availability> {
  const found = await versionOf('zeromq');
  if ('missing' in found) return found;
  const { capability } = await import('zeromq');
  return capability.curve ? { version: `${found.version}, CURVE` } : { missing: 'this build of zeromq has no CURVE' };
}

/** The options of a listening socket, and the public key that its clients need. Without `secure` neither. */
export async function serverCurve(secure: boolean) {
  if (!secure) return { options: {}, publicKey: {} };
  const { curveKeyPair } = await import('zeromq');
  const { publicKey, secretKey } = curveKeyPair();
  return { options: { curveServer: true, curveSecretKey: secretKey }, publicKey: { publicKey } };
}

/** The options of a socket that connects. */
export async function clientCurve({ publicKey: curveServerKey }: Address) {
  if (curveServerKey === undefined) return {};
  const { curveKeyPair } = await import('zeromq');
  const { publicKey, secretKey } = curveKeyPair();
  return { curveServerKey, curvePublicKey: publicKey, curveSecretKey: secretKey };
}
