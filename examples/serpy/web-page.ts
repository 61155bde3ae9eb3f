// A web page with live data of an instrument: every browser receives the messages as server-sent events.
// A slow browser misses counts, and does not delay the others. Without --url it connects to a simulated photon counter.
// Run it:  npm run example -- serpy/web-page
// Open it: http://127.0.0.1:8080/
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect, isSerpyError, type PortableConnection } from 'serpy';
import { readArguments } from '../arguments.ts';
import { startCounter } from './photon-counter.ts';

const { url, port } = readArguments('Shows live data of an instrument on a web page.', {
  url: ['the instrument, such as serpy2://192.168.1.20:5001; none for a simulated one', 'none'],
  port: ['the port of the page; 0 for any free one', 8080],
});

const viewers = new Set<ServerResponse>();
const html = `<!doctype html>
<meta charset="utf-8">
<title>Photon counter</title>
<h1 id="count">no count yet</h1>
<script>
  const counts = new EventSource('/counts');
  counts.onmessage = ({ data }) => { document.getElementById('count').textContent = JSON.parse(data) + ' photons'; };
</script>
`;

const page = createServer((request, response) => {
  if (request.url === '/counts') {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    response.write(': hello\n\n');
    viewers.add(response);
    response.once('close', () => viewers.delete(response));
  } else if (request.url === '/') {
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(html);
  } else {
    response.writeHead(404).end('the paths are / and /counts\n');
  }
});
page.on('error', (error) => {
  console.error(`cannot show the page: ${error.message}`);
  process.exit(1);
});
page.listen(port, '127.0.0.1');
await once(page, 'listening');
console.log(`page on http://127.0.0.1:${(page.address() as AddressInfo).port}/`);

const counter = url === 'none' ? await startCounter() : undefined;
const address = `${counter?.url ?? url}${url.includes('?') ? '&' : '?'}keep=latest`; // the page needs only the newest count
try {
  // Waits for an instrument that is switched on later, and reconnects to one that is switched off and on.
  const connection: PortableConnection = await connect(address, { prepare });
  for await (const message of connection.messages()) {
    const event = `data: ${JSON.stringify(message.text())}\n\n`;
    for (const viewer of viewers) if (!viewer.writableNeedDrain) viewer.write(event);
  }
} catch (error) {
  // Ctrl-C before the instrument was there
  if (!isSerpyError(error) || error.code !== 'ERR_SERPY_CLOSED') throw error;
}
page.close();
page.closeAllConnections();
await counter?.close();

/** Adds listeners to a connection, before it waits for its server. */
function prepare(connection: PortableConnection): void {
  process.once('SIGINT', () => connection.close());
  connection.on('warning', ({ code, message }) => {
    if (code !== 'ERR_SERPY_DROPPED') console.error(message); // keep=latest drops old counts on purpose
  });
}
