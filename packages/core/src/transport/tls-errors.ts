/** Turns the terse errors of TLS into sentences that say what to do. Its codes differ between versions of Node, so they are told by a part. */
import { AuthenticationError } from '../errors.js';
import type { Security } from '../security/security.js';
import type { Address } from './address.js';

type Kind = Security['kind'];
type Advice = readonly [pattern: RegExp, advice: string];

const plaintextPeer =
  'it speaks without TLS: give its server the key (or a certificate) too, or leave key and tls out at this end';
const hungUp =
  'it hung up in the middle of the TLS handshake: it may speak without TLS, or turn this address away for a minute after too many failures';

const dialAdvice: Record<Kind | 'both', readonly Advice[]> = {
  both: [
    [/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|RECORD_TYPE|UNEXPECTED_MESSAGE|RECORD_LAYER_FAILURE/, plaintextPeer],
    [/^ECONNRESET|^EPIPE|before secure TLS/, hungUp],
  ],
  key: [
    [/ILLEGAL_PARAMETER|DECRYPT_ERROR|BINDER|DIGEST_CHECK/, 'it has another key: give both ends the same one'],
    [/ALERT/, 'it does not take the key: is it a server with this key, and of serpy?'],
    [
      /CERT|SELF_SIGNED|^UNABLE_TO|certificate/,
      'it showed a certificate, and not that it has the key: give it the key, or use the option tls at this end',
    ],
  ],
  certificates: [
    [/^CERT_HAS_EXPIRED/, "its certificate has expired: renew it, and check this computer's clock"],
    [/^CERT_NOT_YET_VALID/, "its certificate is not valid yet: check both computers' clocks"],
    [
      /SELF_SIGNED|^UNABLE_TO/,
      'nobody whom this program trusts has signed its certificate: give the signer as tls: { ca }',
    ],
    [
      /ALTNAME|HOSTNAME/,
      'its certificate is for another name: dial it by that name, or give the name as tls: { servername }',
    ],
    [
      /ALERT.*(CERTIFICATE|_CA$)/,
      'it does not take the certificate of this end: give one that its ca has signed as tls: { cert, key }',
    ],
    [
      /ALERT|NO_PROTOCOLS/,
      'the two ends have no form of TLS in common: a server with a key needs the option key at this end',
    ],
  ],
};

const serverAdvice: Record<Kind | 'both', readonly Advice[]> = {
  both: [],
  key: [
    [/BINDER|DIGEST_CHECK/, 'it has another key: give both ends the same one'],
    [/UNSUPPORTED_PROTOCOL|VERSION/, 'its TLS is older than 1.3, so it cannot have the key'],
    [/CIPHER|SIGNATURE|CERTIFICATE|SIGALG|PSK/, 'it did not show that it has the key: give it the option key'],
  ],
  certificates: [
    [/ALERT.*(CERTIFICATE|_CA$)/, 'it does not take the certificate of this server: give it the signer as tls: { ca }'],
    [/NOT_RETURN_A_CERTIFICATE/, 'it showed no certificate, and this server asks for one (tls: { requestCert })'],
    [
      /SELF_SIGNED|^UNABLE_TO|^CERT_/,
      "its certificate does not hold: it takes one that this server's ca has signed, and that is valid now",
    ],
    [/CIPHER|SIGNATURE|VERSION|PROTOCOL/, 'the two ends have no form of TLS in common: is it a client with a key?'],
  ],
};

/** An error of OpenSSL, or of the system. */
interface TlsError extends Error {
  readonly code?: string;
  readonly reason?: string;
  readonly syscall?: string;
}

function codeOf(error: TlsError): string {
  return error.code ?? '';
}

/** Whether the network broke, and not the handshake. A peer that hangs up may do so because of what it has heard. */
export function isNetworkError(error: TlsError): boolean {
  return error.syscall !== undefined && error.code !== 'ECONNRESET' && error.code !== 'EPIPE';
}

function adviceFor(error: TlsError, table: typeof dialAdvice, kind: Kind): string {
  const code = codeOf(error) || error.message;
  return [...table.both, ...table[kind]].find(([pattern]) => pattern.test(code))?.[1] ?? error.reason ?? error.message;
}

/** Why the TLS of a dial failed, or was ended by the peer later on. */
export function toAuthenticationError(cause: Error, { host, port }: Address, kind: Kind): AuthenticationError {
  const code = codeOf(cause);
  const advice = adviceFor(cause, dialAdvice, kind);
  return new AuthenticationError(`cannot connect to ${host}:${port}: ${advice}${code ? ` (${code})` : ''}`, { cause });
}

/** Why a server refused a peer: what follows `… was refused: `. */
export function refusalReason(cause: Error, kind: Kind): string {
  const code = codeOf(cause);
  return `${adviceFor(cause, serverAdvice, kind)}${code ? ` (${code})` : ''}`;
}
