/** Detects other protocols, such as HTTP and TLS, by the first bytes of a peer. */

/** The number of bytes that detection needs. */
export const sniffBytes = 200;

export const webBrowser = 'it looks like a web browser (HTTP): open no web page on this port';

/** A hint to append to a message, or undefined. The first line must match completely, because text of a program can begin alike. */
export function describeForeignProtocol(start: Buffer): string | undefined {
  const text = start.toString('latin1', 0, sniffBytes);
  if (/^(GET|POST|HEAD|PUT|DELETE|OPTIONS|PATCH|CONNECT) \S+ HTTP\/[\d.]+\r\n/.test(text)) {
    return webBrowser;
  }
  // Python's web server answers an invalid request with a page without a status line.
  if (/^HTTP\/[\d.]+ \d+.*\r\n|^<(!doctype html|html)\b[^\n]*\n/i.test(text))
    return 'it looks like a web server (HTTP): is the port right?';
  // A ClientHello, and the alert of a server for a client without TLS.
  if (/^\x16\x03|^\x15\x03[\0-\x04]\0\x02/.test(text))
    return 'it looks like TLS: only one end encrypts, so give both ends the same key (or certificates), or neither';
  if (/^SSH-[\d.]+-.*\r?\n/.test(text)) return 'it looks like an SSH server: is the port right?';
  // IAC and a command: text in ASCII or UTF-8 never contains the byte of IAC.
  if (/^\xff[\xfb-\xfe]/.test(text)) return 'it looks like telnet: is the port right?';
  return undefined;
}
