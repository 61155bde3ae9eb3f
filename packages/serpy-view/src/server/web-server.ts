/** The web server: the files of the page, downloads, and a WebSocket for each open page. Every request passes the guard. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { ListenError } from 'serpy-core';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ViewClock } from '../system.js';
import type { Asset } from './assets.js';
import { type Guard, webSocketProtocol } from './guard.js';

export interface WebServerOptions {
  readonly host: string;
  readonly port: number;
  /** PEM. Undefined for HTTP. */
  readonly tls: { readonly cert: string | Uint8Array; readonly key: string | Uint8Array } | undefined;
  readonly guard: Guard;
  readonly assets: ReadonlyMap<string, Asset>;
  readonly clock: ViewClock;
  /** @param isOwner whether it is the page of the person who started the view */
  onPage(socket: WebSocket, isOwner: boolean): void;
  /** The array of a panel, or of a message of the recording; undefined for none. */
  download(of: 'panels' | 'messages', number: number): Uint8Array | undefined;
}

export interface WebServer {
  readonly port: number;
  close(): Promise<void>;
}

const limits = { pages: 100, requestBytes: 64 * 1024, headersTimeoutMs: 10_000, pingMs: 15_000 } as const;

/** @throws `ERR_SERPY_LISTEN` */
export async function startWebServer(options: WebServerOptions): Promise<WebServer> {
  const { tls, guard, clock } = options;
  const handle = (request: IncomingMessage, response: ServerResponse) => answer(request, response, options);
  const settings = { headersTimeout: limits.headersTimeoutMs, requestTimeout: limits.headersTimeoutMs };
  const server: Server = tls
    ? createSecureServer({ ...settings, cert: tls.cert as string, key: tls.key as string }, handle)
    : createServer(settings, handle);
  const pages = new WebSocketServer({
    noServer: true,
    maxPayload: limits.requestBytes,
    perMessageDeflate: false,
    handleProtocols: (names) => (names.has(webSocketProtocol) ? webSocketProtocol : false),
  });
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    const refusal =
      guard.refuseHost(request) ??
      guard.refuseOrigin(request, true) ??
      guard.refuseProtocols(request) ??
      (pages.clients.size >= limits.pages ? `${limits.pages} pages are open: close one` : undefined);
    if (refusal !== undefined) refuse(socket, refusal);
    else pages.handleUpgrade(request, socket, head, (page) => options.onPage(page, guard.isOwner(request)));
  });
  await listening(server, options);
  const stopPings = pingPages(pages, clock);
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    async close() {
      stopPings();
      for (const page of pages.clients) page.terminate();
      pages.close();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

function listening(server: Server, { host, port }: WebServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why =
        cause.code === 'EADDRINUSE' ? `port ${port} is in use: choose another one, or 0 for any` : cause.message;
      reject(new ListenError(`the page cannot be served on ${host}: ${why}`, { cause }));
    });
    server.listen(port, host, () => resolve());
  });
}

/** Ends pages that do not answer, such as those of a computer that sleeps. */
function pingPages(pages: WebSocketServer, clock: ViewClock): () => void {
  const waiting = new WeakSet<WebSocket>();
  let timer: unknown;
  const ping = () => {
    for (const page of pages.clients) {
      if (waiting.has(page)) page.terminate();
      else {
        waiting.add(page);
        page.once('pong', () => waiting.delete(page));
        page.ping();
      }
    }
    timer = clock.setTimeout(ping, limits.pingMs);
  };
  timer = clock.setTimeout(ping, limits.pingMs);
  return () => clock.clearTimeout(timer);
}

function refuse(socket: Duplex, why: string): void {
  const body = `${why}\n`;
  socket.end(
    `HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

function answer(request: IncomingMessage, response: ServerResponse, options: WebServerOptions): void {
  const { guard, assets } = options;
  protect(request, response);
  const path = (request.url ?? '').split('?')[0] as string;
  const [, of, number] = /^\/(panels|messages)\/(\d{1,15})\.npy$/.exec(path) ?? [];
  const refusal =
    guard.refuseHost(request) ??
    guard.refuseOrigin(request, false) ??
    (number === undefined ? undefined : guard.refuseBearer(request));
  if (refusal !== undefined) return end(response, 403, refusal);
  if (request.method !== 'GET' && request.method !== 'HEAD') return end(response, 405, 'the page can only be read');
  if (number !== undefined) return sendDownload(response, options.download(of as 'panels', Number(number)));
  if (assets.size === 0) return end(response, 503, 'the page is not built: run npm run build');
  const asset = assets.get(path);
  if (!asset) return end(response, 404, 'there is no such page: open /');
  response.writeHead(200, { 'Content-Type': asset.type, 'Content-Length': asset.body.length });
  response.end(request.method === 'HEAD' ? undefined : asset.body);
}

function sendDownload(response: ServerResponse, bytes: Uint8Array | undefined): void {
  if (!bytes) return end(response, 404, 'there is no array');
  response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': bytes.length });
  response.end(bytes);
}

function end(response: ServerResponse, status: number, sentence: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${sentence}\n`);
}

/** The page loads nothing from elsewhere, and no other page can show it in a frame. */
function protect(request: IncomingMessage, response: ServerResponse): void {
  const host = /^[\w.:[\]-]{1,255}$/.test(request.headers.host ?? '') ? request.headers.host : '127.0.0.1';
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    `connect-src 'self' ws://${host} wss://${host}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  response.setHeader('Content-Security-Policy', policy.join('; '));
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Referrer-Policy', 'no-referrer');
  response.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
  response.setHeader('Cache-Control', 'no-store');
}
