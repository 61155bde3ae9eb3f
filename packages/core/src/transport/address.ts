/** Where a peer comes from, as far as its address tells. */

/** What one computer can choose from counts as one: of an IPv6 address the first 64 bits. IPv4 is the same in either spelling. */
export function addressGroup(host: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host)?.[1];
  if (mapped !== undefined || !host.includes(':')) return mapped ?? host;
  const [head = '', tail] = host.split('%', 1).join('').split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail ? tail.split(':') : [];
  if (tail !== undefined) while (groups.length + after.length < 8) groups.push('0');
  return [...groups, ...after].slice(0, 4).join(':');
}

/** Whether only programs of this computer reach an address. */
export function isLoopback(host: string): boolean {
  return /^(?:(?:::ffff:)?127(?:\.\d{1,3}){3}|::1|localhost)$/i.test(host);
}

/** A network address. */
export interface Address {
  readonly host: string;
  readonly port: number;
}
