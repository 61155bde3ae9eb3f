/** How commands write what they tell: addresses, numbers, sizes. */

const schemes: Readonly<Record<string, string>> = { v1: 'serpy1', v2: 'serpy2', auto: 'serpy' };

/** An address as a URL that other commands and programs take. */
export function urlOf(
  protocol: string,
  { host, port }: { readonly host: string; readonly port: number },
  encrypted = false,
): string {
  return `${schemes[protocol]}${encrypted ? '+tls' : ''}://${hostInUrl(host)}:${port}`;
}

/** Where a server listens, as a URL that a client on this computer takes: one that listens everywhere is nowhere to connect to. */
export function serverUrl(
  { protocol, key, tls = false }: { readonly protocol: string; readonly key?: unknown; readonly tls?: unknown },
  { host, port }: { readonly host: string; readonly port: number },
): string {
  const reachable = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host;
  return urlOf(protocol, { host: reachable, port }, key !== undefined || tls !== false);
}

/** As it is where it may stand so: who reads the URL is to see the name. The `%` before the zone of an IPv6 address is written `%25`. */
function hostInUrl(host: string): string {
  const safe = host.replaceAll(/[%\s/?#;@[\]]/g, encodeURIComponent);
  return safe.includes(':') ? `[${safe}]` : safe;
}

/** A whole number with its thousands apart: 1,234,567. */
export function thousands(value: number): string {
  return Math.round(value)
    .toString()
    .replaceAll(/\B(?=(\d{3})+$)/g, ',');
}

/** A number of bytes for people: 3.2 MB. */
export function byteCount(bytes: number): string {
  const [unit, divisor] = (
    [
      ['GB', 1e9],
      ['MB', 1e6],
      ['kB', 1e3],
    ] as const
  ).find(([, each]) => bytes >= each) ?? ['bytes', 1];
  return divisor === 1 ? `${bytes} bytes` : `${(bytes / divisor).toFixed(1)} ${unit}`;
}

/** A size as people write it. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} byte${bytes === 1 ? '' : 's'}`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  // 999,999 rounds to 1.00 of the next unit.
  const power = Math.min(units.length, Math.floor(Math.log10(Number(bytes.toPrecision(3))) / 3));
  return `${(bytes / 1000 ** power).toPrecision(3)} ${units[power - 1]}`;
}

/** A number of messages in words. */
export function formatCount(count: number): string {
  return `${count} message${count === 1 ? '' : 's'}`;
}

/** An address as people write it. */
export function addressOf(address: { readonly host: string; readonly port: number } | undefined): string {
  if (!address) return 'a peer';
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
