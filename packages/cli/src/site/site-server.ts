/** A web server for the documentation site, for this computer alone. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { failure } from '../failure.js';
import { findFile, type SiteFiles } from './site-files.js';

export interface SiteServer {
  readonly url: string;
  close(): Promise<void>;
}

const limits = { connections: 100, headersTimeoutMs: 10_000 } as const;

/** Pages of other sites reach a server of this computer by a name of their own: only these names are answered. */
const hosts = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/i;

/** @param port 0 for any free one */
export async function serveSite(files: SiteFiles, port: number): Promise<SiteServer> {
  const settings = { headersTimeout: limits.headersTimeoutMs, requestTimeout: limits.headersTimeoutMs };
  const server = createServer(settings, (request, response) => answer(files, request, response));
  server.maxConnections = limits.connections;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why =
        cause.code === 'EADDRINUSE' ? `port ${port} is in use: choose another one, or 0 for any` : cause.message;
      reject(failure(`the documentation cannot be served: ${why}`, cause));
    });
    server.listen(port, '127.0.0.1', () => resolve());
  });
  const address = server.address();
  const actual = typeof address === 'object' && address !== null ? address.port : port;
  return {
    url: `http://127.0.0.1:${actual}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(files: SiteFiles, { method, headers, url = '/' }: IncomingMessage, response: ServerResponse): void {
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Cache-Control', 'no-cache');
  const end = (status: number, type: string, body: Uint8Array | string) => {
    response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
    response.end(method === 'HEAD' ? undefined : body);
  };
  const refuse = (status: number, sentence: string) => end(status, 'text/plain; charset=utf-8', `${sentence}\n`);
  if (!hosts.test(headers.host ?? '')) {
    return refuse(403, 'this server has another name: open the address that it prints');
  }
  if (method !== 'GET' && method !== 'HEAD') return refuse(405, 'this server only shows pages: use GET');
  const path = url.split(/[?#]/, 1)[0] as string;
  const file = findFile(files, path);
  if (file) return end(200, file.type, file.body);
  const missing = findFile(files, '/404.html');
  return missing ? end(404, missing.type, missing.body) : refuse(404, 'there is no such page');
}
