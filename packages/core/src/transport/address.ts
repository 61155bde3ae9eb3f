/** Network addresses, and the groups in which limits count them. */

/** The group of an address, for limits. An IPv6 /64 is one group, because one computer can choose any address in it. Both spellings of an IPv4 address are the same group. */
export function addressGroup(host: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host)?.[1];
  if (mapped !== undefined || !host.includes(':')) return mapped ?? host;
  const [head = '', tail] = host.split('%', 1).join('').split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail ? tail.split(':') : [];
  if (tail !== undefined) while (groups.length + after.length < 8) groups.push('0');
  return [...groups, ...after].slice(0, 4).join(':');
}

/** Whether only programs on this computer can reach the address. */
export function isLoopback(host: string): boolean {
  return /^(?:(?:::ffff:)?127(?:\.\d{1,3}){3}|::1|localhost)$/i.test(host);
}

/** A network address. */
export interface Address {
  readonly host: string;
  readonly port: number;
}
