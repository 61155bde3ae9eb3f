/** Encrypted connections to brokers. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { makeCertificate } from '../../core/test/transport/certificates.js';
import { mosquittoPath, natsPath, noMosquitto, noNats } from './brokers.js';
import { bridge, clearAway, connected, instrument, mosquitto, natsServer, until } from './stage.js';

vi.setConfig({ testTimeout: 60_000 });

afterEach(clearAway, 30_000);

const authority = makeCertificate({ name: 'lab authority', authority: true });
const own = makeCertificate({ name: '127.0.0.1', issuer: authority });
const client = makeCertificate({ name: 'the bridge', issuer: authority });
const foreign = makeCertificate({ name: 'other authority', authority: true });

const files = {
  'ca.pem': authority.cert,
  'cert.pem': own.cert,
  'key.pem': own.key,
  'client.pem': client.cert,
  'client.key': client.key,
  'other.pem': foreign.cert,
};

const tlsLines = ['allow_anonymous true', 'cafile FOLDER/ca.pem', 'certfile FOLDER/cert.pem', 'keyfile FOLDER/key.pem'];

describe.skipIf(!mosquittoPath)(`mqtts${mosquittoPath ? '' : ` (skipped: ${noMosquitto})`}`, () => {
  test('connects with the certificate of the authority, and not with another one', async () => {
    const { port, folder } = await mosquitto(tlsLines, files);
    const cam = await instrument();
    const url = `mqtts://127.0.0.1:${port}`;
    const trusting = await bridge({ source: cam.url, broker: { url, caFile: `${folder}/ca.pem` } });
    await connected(trusting.bridge);
    for (const caFile of [undefined, `${folder}/other.pem`]) {
      const wary = await bridge({ source: cam.url, broker: { url, caFile } });
      await until(() =>
        expect(wary.bridge.stats().broker.problem).toMatch(/no connection to the broker at mqtts:.*certificate/),
      );
    }
  });

  test('shows its own certificate to a broker that asks for it', async () => {
    const { port, folder } = await mosquitto([...tlsLines, 'require_certificate true'], files);
    const cam = await instrument();
    const broker = {
      url: `mqtts://127.0.0.1:${port}`,
      caFile: `${folder}/ca.pem`,
      certFile: `${folder}/client.pem`,
      keyFile: `${folder}/client.key`,
    };
    const { bridge: made } = await bridge({ source: cam.url, broker });
    await connected(made);
  });
});

describe.skipIf(!natsPath)(`nats+tls${natsPath ? '' : ` (skipped: ${noNats})`}`, () => {
  test('connects with the certificate of the authority, and not without it', async () => {
    const { port, folder } = await natsServer(
      ['--tls', '--tlscert', 'FOLDER/cert.pem', '--tlskey', 'FOLDER/key.pem'],
      files,
    );
    const cam = await instrument();
    const url = `nats+tls://127.0.0.1:${port}`;
    const trusting = await bridge({ source: cam.url, broker: { url, caFile: `${folder}/ca.pem` } });
    await connected(trusting.bridge);
    const wary = await bridge({ name: 'wary', source: cam.url, broker: url });
    await until(() =>
      expect(wary.bridge.stats().broker.problem).toMatch(/no connection to the broker at nats\+tls:.*certificate/),
    );
  });
});
