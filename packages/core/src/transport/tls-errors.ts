/** Turns the terse errors of TLS into sentences that say what to do. Codes differ between versions of Node, so a part of each is matched. */
import { AuthenticationError } from '../errors.js';
import type { Security } from '../security/security.js';
import type { Address } from './address.js';
import { webBrowser } from './foreign-protocol.js';

type Kind = Security['kind'];
type Advice = readonly [pattern: RegExp, advice: string];

const plaintextPeer =
  'the server does not use TLS: give the server the key (or a certificate) too, or remove key and tls at this end';
/** The codes of bytes that are not TLS. */
const notTls =
  /HTTP_REQUEST|HTTPS_PROXY|WRONG_VERSION_NUMBER|LENGTH_TOO_LONG|RECORD_TYPE|UNEXPECTED_MESSAGE|RECORD_LAYER_FAILURE/;
const hungUp =
  'the server closed the connection during the TLS handshake: it may not use TLS, or it rejects this address for a minute after too many failures';
const noCommonTls = 'the client and the server support no common TLS version or cipher';

const dialAdvice: Record<Kind | 'both', readonly Advice[]> = {
  both: [
    [notTls, plaintextPeer],
    [/^ECONNRESET|^EPIPE|before secure TLS/, hungUp],
  ],
  key: [
    [
      /ILLEGAL_PARAMETER|DECRYPT_ERROR|BINDER|DIGEST_CHECK/,
      'the server has a different key: give both ends the same key',
    ],
    [
      /ALERT/,
      'the server rejected the key: check that both ends use the same key and that a serpy server runs on this port',
    ],
    [
      /CERT|SELF_SIGNED|^UNABLE_TO|certificate/,
      'the server sent a certificate and did not prove that it has the key: give the server the key, or use the option tls at this end',
    ],
  ],
  certificates: [
    [/^CERT_HAS_EXPIRED/, 'the certificate of the server has expired: renew it, and check the clock of this computer'],
    [/^CERT_NOT_YET_VALID/, 'the certificate of the server is not valid yet: check the clocks of both computers'],
    [
      /SELF_SIGNED|^UNABLE_TO/,
      'the certificate of the server has an issuer that this program does not trust: pass the certificate of the issuer as tls: { ca }',
    ],
    [
      /ALTNAME|HOSTNAME/,
      'the certificate of the server is for another name: connect to that name, or pass it as tls: { servername }',
    ],
    [
      /ALERT.*(CERTIFICATE|_CA$)/,
      'the server rejected the certificate of this client: pass one that the ca of the server has signed as tls: { cert, key }',
    ],
    [/ALERT|NO_PROTOCOLS/, `${noCommonTls}: a server with a key needs the option key at this end`],
  ],
};

const serverAdvice: Record<Kind | 'both', readonly Advice[]> = {
  both: [
    [/HTTP/, `the client does not use TLS; ${webBrowser}`],
    [
      notTls,
      'the client does not use TLS; give the client the key (or certificates), or remove key and tls from this server',
    ],
  ],
  key: [
    [/BINDER|DIGEST_CHECK/, 'the client has a different key: give both ends the same key'],
    [
      /UNSUPPORTED_PROTOCOL|VERSION/,
      'the client does not support TLS 1.3, which a key requires: connect with a serpy client that has the key',
    ],
    [
      /CIPHER|SIGNATURE|CERTIFICATE|SIGALG|PSK/,
      'the client did not prove that it has the key: give the client the option key',
    ],
  ],
  certificates: [
    [
      /ALERT.*(CERTIFICATE|_CA$)/,
      'the client rejected the certificate of this server: give the client the certificate of the issuer as tls: { ca }',
    ],
    [
      /NOT_RETURN_A_CERTIFICATE/,
      'the client sent no certificate, which this server requires (tls: { requestCert }): give the client tls: { cert, key }',
    ],
    [
      /SELF_SIGNED|^UNABLE_TO|^CERT_/,
      "the certificate of the client is expired or not signed by this server's ca: issue a new client certificate",
    ],
    [/CIPHER|SIGNATURE|VERSION|PROTOCOL/, `${noCommonTls}: a client with a key needs a server with a key`],
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

/** Whether the network failed, and not the handshake. A reset counts as part of the handshake: the peer may have rejected it. */
export function isNetworkError(error: TlsError): boolean {
  return error.syscall !== undefined && error.code !== 'ECONNRESET' && error.code !== 'EPIPE';
}

/** Whether a server's client sent something that is not TLS. */
export function isPlaintextClient(error: Error): boolean {
  return notTls.test(codeOf(error));
}

function adviceFor(error: TlsError, table: typeof dialAdvice, kind: Kind): string {
  const code = codeOf(error) || error.message;
  return [...table.both, ...table[kind]].find(([pattern]) => pattern.test(code))?.[1] ?? error.reason ?? error.message;
}

/** The error of a client whose TLS handshake failed, or whose TLS connection the server ended later. */
export function toAuthenticationError(cause: Error, { host, port }: Address, kind: Kind): AuthenticationError {
  const code = codeOf(cause);
  const advice = adviceFor(cause, dialAdvice, kind);
  return new AuthenticationError(`cannot connect to ${host}:${port}: ${advice}${code ? ` (${code})` : ''}`, { cause });
}

/** Why a server rejected a client. Completes the sentence `10.0.0.5:1234 was rejected: …`. */
export function refusalReason(cause: Error, kind: Kind): string {
  const code = codeOf(cause);
  return `${adviceFor(cause, serverAdvice, kind)}${code ? ` (${code})` : ''}`;
}
