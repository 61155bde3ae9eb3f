import { describe, expect, test } from 'vitest';
import { isNetworkError, refusalReason, toAuthenticationError } from '../../src/transport/tls-errors.js';

const failure = (code: string, more: object = {}) => Object.assign(new Error(`80CA:error:${code}`), { code, ...more });
const address = { host: '10.0.0.5', port: 5000 };

// The same in the versions of Node that are supported, whose OpenSSL words some of it differently.
describe('why TLS failed at a dial', () => {
  test.each([
    ['key', 'ERR_SSL_WRONG_VERSION_NUMBER', 'it speaks without TLS'],
    ['key', 'ERR_SSL_PACKET_LENGTH_TOO_LONG', 'it speaks without TLS'],
    ['certificates', 'ERR_SSL_WRONG_VERSION_NUMBER', 'it speaks without TLS'],
    ['key', 'ECONNRESET', 'it hung up in the middle of the TLS handshake'],
    ['certificates', 'ECONNRESET', 'it hung up in the middle of the TLS handshake'],
    ['key', 'ERR_SSL_SSLV3_ALERT_ILLEGAL_PARAMETER', 'it has another key'],
    ['key', 'ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR', 'it has another key'],
    ['key', 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', 'it does not take the key'],
    ['key', 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', 'it does not take the key'],
    ['key', 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'it does not take the key'],
    ['key', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'it showed a certificate'],
    ['key', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'it showed a certificate'],
    ['certificates', 'CERT_HAS_EXPIRED', 'its certificate has expired'],
    ['certificates', 'CERT_NOT_YET_VALID', 'its certificate is not valid yet'],
    ['certificates', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'nobody whom this program trusts'],
    ['certificates', 'SELF_SIGNED_CERT_IN_CHAIN', 'nobody whom this program trusts'],
    ['certificates', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'nobody whom this program trusts'],
    ['certificates', 'ERR_TLS_CERT_ALTNAME_INVALID', 'its certificate is for another name'],
    ['certificates', 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'it does not take the certificate of this end'],
    ['certificates', 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'it does not take the certificate of this end'],
    ['certificates', 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', 'the two ends have no form of TLS in common'],
    ['certificates', 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', 'the two ends have no form of TLS in common'],
  ] as const)('with %s, %s is told in a sentence', (kind, code, advice) => {
    const cause = failure(code);
    const error = toAuthenticationError(cause, address, kind);
    expect(error).toMatchObject({ code: 'ERR_SERPY_AUTH', cause });
    expect(error.message).toContain(`cannot connect to 10.0.0.5:5000: ${advice}`);
    expect(error.message).toMatch(new RegExp(`\\(${code}\\)$`));
  });

  test('is told in the words of TLS where nothing better is known', () => {
    const cause = failure('ERR_SSL_ODD', { reason: 'odd things' });
    expect(toAuthenticationError(cause, address, 'certificates').message).toBe(
      'cannot connect to 10.0.0.5:5000: odd things (ERR_SSL_ODD)',
    );
    expect(toAuthenticationError(new Error('odder'), address, 'certificates').message).toBe(
      'cannot connect to 10.0.0.5:5000: odder',
    );
  });

  test('is not what the network did, but for a peer that hangs up', () => {
    const codes = ['ETIMEDOUT', 'EHOSTUNREACH', 'ECONNRESET', 'EPIPE'];
    expect(codes.map((code) => isNetworkError(failure(code, { syscall: 'read' })))).toEqual([true, true, false, false]);
    expect(isNetworkError(failure('ERR_SSL_WRONG_VERSION_NUMBER'))).toBe(false);
  });
});

describe('why a server refused a peer', () => {
  test.each([
    ['key', 'ERR_SSL_BINDER_DOES_NOT_VERIFY', 'it has another key'],
    ['key', 'ERR_SSL_UNSUPPORTED_PROTOCOL', 'its TLS is older than 1.3'],
    ['key', 'ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM', 'it did not show that it has the key'],
    ['key', 'ERR_SSL_NO_SHARED_CIPHER', 'it did not show that it has the key'],
    ['certificates', 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE', 'it showed no certificate'],
    ['certificates', 'CERT_HAS_EXPIRED', 'its certificate does not hold'],
    ['certificates', 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'it does not take the certificate of this server'],
    ['certificates', 'ERR_SSL_NO_SHARED_CIPHER', 'the two ends have no form of TLS in common'],
  ] as const)('with %s, %s is told in a sentence', (kind, code, advice) => {
    expect(refusalReason(failure(code), kind)).toMatch(new RegExp(`^${advice}.* \\(${code}\\)$`));
  });
});
