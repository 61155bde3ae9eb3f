/** Who it may be that talks to us in a protocol of another world, as far as the first bytes tell. */

/** How many bytes are enough to tell. */
export const sniffBytes = 200;

/** A hint to append to a message, or undefined. Greetings are told by their whole first line: a text may start like one. */
export function describeForeignProtocol(start: Buffer): string | undefined {
  const text = start.toString('latin1', 0, sniffBytes);
  if (/^(GET|POST|HEAD|PUT|DELETE|OPTIONS|PATCH|CONNECT) \S+ HTTP\/[\d.]+\r\n/.test(text)) {
    return 'it looks like a web browser (HTTP): open no web page on this port';
  }
  // Python's web server answers what is no request with a bare page.
  if (/^HTTP\/[\d.]+ \d+.*\r\n|^<(!doctype html|html)\b[^\n]*\n/i.test(text))
    return 'it looks like a web server (HTTP): is the port right?';
  // The greeting of a client, and what a server answers to one who speaks without TLS.
  if (/^\x16\x03|^\x15\x03[\0-\x04]\0\x02/.test(text))
    return 'it looks like TLS: one end encrypts and the other does not, so give both ends the same key (or certificates), or neither';
  if (/^SSH-[\d.]+-.*\r?\n/.test(text)) return 'it looks like an SSH server: is the port right?';
  // IAC and a command: no text in ASCII or UTF-8 has the first byte.
  if (/^\xff[\xfb-\xfe]/.test(text)) return 'it looks like telnet: is the port right?';
  return undefined;
}
