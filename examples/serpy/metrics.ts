// The counts of a connection as gauges for Prometheus: every number of stats(), read with each request.
// Without --url it connects to a simulated photon counter.
// Run it:  npm run example -- serpy/metrics
// Read it: curl http://127.0.0.1:9464/metrics
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Gauge, Registry } from 'prom-client';
import { connect, isSerpyError, type PortableConnection } from 'serpy';
import { readArguments } from '../arguments.ts';
import { startCounter } from './photon-counter.ts';

const { url, port } = readArguments('Publishes the counts of a connection for Prometheus.', {
  url: ['the instrument, such as serpy2://192.168.1.20:5001; none for a simulated one', 'none'],
  port: ['the port of the page with the gauges; 0 for any free one', 9464],
});

const registry = new Registry();
const photons = new Gauge({ name: 'photons', help: 'the newest count', registers: [registry] });
const page = createServer(async (_request, response) => {
  response.setHeader('Content-Type', registry.contentType);
  response.end(await registry.metrics());
});
page.on('error', (error) => {
  console.error(`cannot publish the gauges: ${error.message}`);
  process.exit(1);
});

const counter = url === 'none' ? await startCounter() : undefined;
const address = `${counter?.url ?? url}${url.includes('?') ? '&' : '?'}keep=latest`;
try {
  // The page is there before the instrument: serpy_connected is 0 until connect() has found it.
  const connection: PortableConnection = await connect(address, { prepare: publish });
  console.log('connected to the instrument');
  for await (const message of connection.messages()) photons.set(Number(message.number()));
} catch (error) {
  // Ctrl-C before the instrument was there
  if (!isSerpyError(error) || error.code !== 'ERR_SERPY_CLOSED') throw error;
}
page.close();
page.closeAllConnections();
await counter?.close();

/** Publishes the counts of a connection, which may still wait for its server. */
function publish(connection: PortableConnection): void {
  process.once('SIGINT', () => connection.close());
  connection.on('warning', ({ code, message }) => {
    if (code !== 'ERR_SERPY_DROPPED') console.error(message); // keep=latest drops old counts on purpose
  });
  for (const name of Object.keys(connection.stats()) as (keyof ReturnType<typeof connection.stats>)[]) {
    new Gauge({
      name: `serpy_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`,
      help: `${name} of connection.stats()`,
      registers: [registry],
      collect() {
        this.set(connection.stats()[name]);
      },
    });
  }
  new Gauge({
    name: 'serpy_connected',
    help: 'whether it is connected',
    registers: [registry],
    collect() {
      this.set(connection.isConnected() ? 1 : 0);
    },
  });
  page.listen(port, '127.0.0.1', () => {
    console.log(`gauges on http://127.0.0.1:${(page.address() as AddressInfo).port}/metrics`);
  });
}
