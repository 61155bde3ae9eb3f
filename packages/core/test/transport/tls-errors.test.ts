import { describe, expect, test } from 'vitest';
import { isNetworkError, refusalReason, toAuthenticationError } from '../../src/transport/tls-errors.js';

const failure = (code: string, more: object = {}) => Object.assign(new Error(`80CA:error:${code}`), { code, ...more });
const address = { host: '10.0.0.5', port: 5000 };

// The supported versions of Node have different versions of OpenSSL, whose codes differ.
describe('a TLS handshake that failed at the client', () => {
  test.each([
    ['key', 'ERR_SSL_WRONG_VERSION_NUMBER', 'the server does not use TLS'],
    ['key', 'ERR_SSL_PACKET_LENGTH_TOO_LONG', 'the server does not use TLS'],
    ['certificates', 'ERR_SSL_WRONG_VERSION_NUMBER', 'the server does not use TLS'],
    ['key', 'ECONNRESET', 'the server closed the connection during the TLS handshake'],
    ['certificates', 'ECONNRESET', 'the server closed the connection during the TLS handshake'],
    ['key', 'ERR_SSL_SSLV3_ALERT_ILLEGAL_PARAMETER', 'the server has a different key'],
    ['key', 'ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR', 'the server has a different key'],
    ['key', 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', 'the server rejected the key'],
    ['key', 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', 'the server rejected the key'],
    ['key', 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'the server rejected the key'],
    ['key', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'the server sent a certificate'],
    ['key', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'the server sent a certificate'],
    ['certificates', 'CERT_HAS_EXPIRED', 'the certificate of the server has expired'],
    ['certificates', 'CERT_NOT_YET_VALID', 'the certificate of the server is not valid yet'],
    [
      'certificates',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'the certificate of the server has an issuer that this program does not trust',
    ],
    [
      'certificates',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'the certificate of the server has an issuer that this program does not trust',
    ],
    [
      'certificates',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'the certificate of the server has an issuer that this program does not trust',
    ],
    ['certificates', 'ERR_TLS_CERT_ALTNAME_INVALID', 'the certificate of the server is for another name'],
    ['certificates', 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'the server rejected the certificate of this client'],
    ['certificates', 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'the server rejected the certificate of this client'],
    [
      'certificates',
      'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE',
      'the client and the server support no common TLS version or cipher',
    ],
    [
      'certificates',
      'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE',
      'the client and the server support no common TLS version or cipher',
    ],
  ] as const)('with %s, %s is explained in a sentence', (kind, code, advice) => {
    const cause = failure(code);
    const error = toAuthenticationError(cause, address, kind);
    expect(error).toMatchObject({ code: 'ERR_SERPY_AUTH', cause });
    expect(error.message).toContain(`cannot connect to 10.0.0.5:5000: ${advice}`);
    expect(error.message).toMatch(new RegExp(`\\(${code}\\)$`));
  });

  test('has the message of TLS for an unknown code', () => {
    const cause = failure('ERR_SSL_ODD', { reason: 'odd things' });
    expect(toAuthenticationError(cause, address, 'certificates').message).toBe(
      'cannot connect to 10.0.0.5:5000: odd things (ERR_SSL_ODD)',
    );
    expect(toAuthenticationError(new Error('odder'), address, 'certificates').message).toBe(
      'cannot connect to 10.0.0.5:5000: odder',
    );
  });

  test('does not include network errors, except a closed connection', () => {
    const codes = ['ETIMEDOUT', 'EHOSTUNREACH', 'ECONNRESET', 'EPIPE'];
    expect(codes.map((code) => isNetworkError(failure(code, { syscall: 'read' })))).toEqual([true, true, false, false]);
    expect(isNetworkError(failure('ERR_SSL_WRONG_VERSION_NUMBER'))).toBe(false);
  });
});

describe('a client that a server rejected', () => {
  test.each([
    ['key', 'ERR_SSL_BINDER_DOES_NOT_VERIFY', 'the client has a different key'],
    ['key', 'ERR_SSL_UNSUPPORTED_PROTOCOL', 'the client does not support TLS 1.3'],
    ['key', 'ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM', 'the client did not prove that it has the key'],
    ['key', 'ERR_SSL_NO_SHARED_CIPHER', 'the client did not prove that it has the key'],
    ['certificates', 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE', 'the client sent no certificate'],
    ['certificates', 'CERT_HAS_EXPIRED', 'the certificate of the client is expired or not signed'],
    ['certificates', 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'the client rejected the certificate of this server'],
    ['certificates', 'ERR_SSL_NO_SHARED_CIPHER', 'the client and the server support no common TLS version or cipher'],
  ] as const)('with %s, %s is explained in a sentence', (kind, code, advice) => {
    expect(refusalReason(failure(code), kind)).toMatch(new RegExp(`^${advice}.* \\(${code}\\)$`));
  });
});
