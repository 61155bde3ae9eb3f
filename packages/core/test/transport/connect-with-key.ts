/** A program that connects to a server with a key and prints the result, for a test that starts it with other certificates. */
import { systemEnvironment } from 'serpy-core';
import { securityOf } from '../../src/security/security.js';

const [port, key] = process.argv.slice(2) as [string, string];
const { signal } = new AbortController();
const security = securityOf(key === 'none' ? { tls: true } : { key });
systemEnvironment.dial({ host: '127.0.0.1', port: Number(port), keepAliveMs: 0, signal, security }).then(
  (transport) => {
    console.log('accepted');
    transport.destroy();
  },
  (error: { code?: string }) => console.log(error.code),
);
