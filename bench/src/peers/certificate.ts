/** The certificate of the peers that use TLS with certificates. OpenSSL creates it once, in bench/dist. It protects nothing. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Availability } from '../peer.js';

/** A folder next to the compiled files, which the processes of a run share. */
const folder = join(dirname(fileURLToPath(import.meta.url)), 'certificate');

export const certificateFiles = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') } as const;

/** The fastest suite of TLS 1.3 on processors with AES instructions: the same one as with serpy's key. */
export const suite = { minVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256' } as const;

/** The options of node:tls for a server. */
export function serverTls() {
  return { ...suite, cert: readFileSync(certificateFiles.cert), key: readFileSync(certificateFiles.key) };
}

/** The options of node:tls for a client, which checks the server's certificate. */
export function clientTls() {
  return { ...suite, ca: readFileSync(certificateFiles.cert) };
}

let created: Promise<void> | undefined;

/** The availability of a peer that needs its library and a certificate. */
export async function withCertificate(library: Promise<Availability>): Promise<Availability> {
  const found = await library;
  if ('missing' in found) return found;
  try {
    created ??= create();
    await created;
    return { version: `${found.version} over TLS 1.3` };
  } catch (error) {
    return { missing: `openssl cannot create a certificate: ${(error as Error).message.split('\n')[0]}` };
  }
}

/** Creates it in a folder of its own and moves it, because two runs can do so at the same time. */
async function create(): Promise<void> {
  if (existsSync(folder)) return;
  mkdirSync(dirname(folder), { recursive: true });
  const fresh = mkdtempSync(`${folder}-`);
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '3650'];
  const files = ['-keyout', join(fresh, 'key.pem'), '-out', join(fresh, 'cert.pem')];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
  try {
    await promisify(execFile)('openssl', ['req', '-x509', ...curve, ...files, ...names]);
    renameSync(fresh, folder);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
}
