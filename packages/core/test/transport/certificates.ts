/** Creates certificates for tests when they are needed: the repository contains no private key, and no certificate expires unexpectedly. */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

export interface CertificateOptions {
  /** The subject name. Default `localhost`. */
  readonly name?: string;
  /** The issuer. Default: self-signed. */
  readonly issuer?: Certificate;
  /** When it expires, in days from now; a negative number for an expired one. Default 1. */
  readonly days?: number;
  /** Whether it is a certificate authority. Default false. */
  readonly authority?: boolean;
}

export interface Certificate {
  readonly name: string;
  /** As PEM, for the options of node:tls. */
  readonly cert: string;
  readonly key: string;
  readonly privateKey: KeyObject;
}

const dayMs = 86_400_000;

/** An X.509 certificate (RFC 5280) over a P-256 key, in DER. */
export function makeCertificate(options: CertificateOptions = {}): Certificate {
  const { name = 'localhost', issuer, days = 1, authority = false } = options;
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ends = Date.now() + days * dayMs;
  const signed = sequence(
    explicit(0, integer(Buffer.of(2))), // version 3
    integer(Buffer.concat([Buffer.of(1), randomBytes(8)])), // the serial number
    ecdsaWithSha256,
    nameOf(issuer?.name ?? name),
    sequence(time(Math.min(Date.now(), ends) - dayMs), time(ends)),
    nameOf(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    explicit(3, sequence(...(authority ? [basicConstraints()] : []), alternativeNames(name))),
  );
  const signature = sign('sha256', signed, issuer?.privateKey ?? privateKey);
  return {
    name,
    cert: pem('CERTIFICATE', sequence(signed, ecdsaWithSha256, bits(signature))),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    privateKey,
  };
}

const ecdsaWithSha256 = sequence(object('1.2.840.10045.4.3.2'));

function nameOf(name: string): Buffer {
  return sequence(tagged(0x31, sequence(object('2.5.4.3'), tagged(0x0c, Buffer.from(name)))));
}

function basicConstraints(): Buffer {
  const yes = tagged(0x01, Buffer.of(0xff));
  return sequence(object('2.5.29.19'), yes, octets(sequence(yes)));
}

function alternativeNames(name: string): Buffer {
  const entry = /^[\d.]+$/.test(name)
    ? tagged(0x87, Buffer.from(name.split('.').map(Number)))
    : tagged(0x82, Buffer.from(name));
  return sequence(object('2.5.29.17'), octets(sequence(entry)));
}

function tagged(tag: number, ...content: Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  const bytes = [body.length >> 8, body.length & 0xff];
  const length = body.length < 0x80 ? [body.length] : body.length < 0x100 ? [0x81, body.length] : [0x82, ...bytes];
  return Buffer.concat([Buffer.of(tag, ...length), body]);
}

function sequence(...content: Uint8Array[]): Buffer {
  return tagged(0x30, ...content);
}

function explicit(number: number, content: Buffer): Buffer {
  return tagged(0xa0 + number, content);
}

function integer(bytes: Buffer): Buffer {
  return tagged(0x02, bytes);
}

function bits(bytes: Buffer): Buffer {
  return tagged(0x03, Buffer.of(0), bytes);
}

function octets(bytes: Buffer): Buffer {
  return tagged(0x04, bytes);
}

function object(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const number of rest) {
    const septets = [number & 0x7f];
    for (let left = number >>> 7; left > 0; left >>>= 7) septets.unshift((left & 0x7f) | 0x80);
    bytes.push(...septets);
  }
  return tagged(0x06, Buffer.from(bytes));
}

function time(atMs: number): Buffer {
  const digits = new Date(atMs).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  return tagged(0x18, Buffer.from(digits));
}

function pem(what: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${what}-----\n${lines.join('\n')}\n-----END ${what}-----\n`;
}
