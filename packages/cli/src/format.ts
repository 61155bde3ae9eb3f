/** The formats of addresses, numbers, sizes and times in the output of commands. */
import { type ProtocolName, urlOf } from 'serpy';

/** The URL of a server for a client on this computer. The address of a server that listens on all networks becomes 127.0.0.1 or ::1. */
export function serverUrl(
  { protocol, key, tls = false }: { readonly protocol: ProtocolName; readonly key?: unknown; readonly tls?: unknown },
  { host, port }: { readonly host: string; readonly port: number },
): string {
  const reachable = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host;
  return urlOf(protocol, { host: reachable, port }, key !== undefined || tls !== false);
}

const integers = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
/** Three significant digits, and all digits of the integer part. */
const figures = new Intl.NumberFormat('en-US', {
  maximumFractionDigits: 0,
  maximumSignificantDigits: 3,
  roundingPriority: 'morePrecision',
});
const threeDigits = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 });

/** A whole number: 1,234,567. */
export function formatInteger(value: number): string {
  return integers.format(value);
}

/** A measured number: 0.00123, 12.3, 12,346. */
export function formatNumber(value: number): string {
  return figures.format(value);
}

/** A duration: 83 µs, 1.2 ms, 3.4 s. */
export function formatTime(ms: number): string {
  if (ms < 1) return `${formatNumber(ms * 1000)} µs`;
  return ms < 1000 ? `${formatNumber(ms)} ms` : `${formatNumber(ms / 1000)} s`;
}

/** A size in decimal units: 999 bytes, 3.2 MB. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} byte${bytes === 1 ? '' : 's'}`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  // 999,999 rounds to 1 of the next unit.
  const power = Math.min(units.length, Math.floor(Math.log10(Number(bytes.toPrecision(3))) / 3));
  return `${threeDigits.format(bytes / 1000 ** power)} ${units[power - 1]}`;
}

/** A size in binary units, if it is a multiple of one: 64 B, 4 KiB, 16 MiB. */
export function formatBinarySize(bytes: number): string {
  if (bytes >= 2 ** 20 && bytes % 2 ** 20 === 0) return `${bytes / 2 ** 20} MiB`;
  if (bytes >= 2 ** 10 && bytes % 2 ** 10 === 0) return `${bytes / 2 ** 10} KiB`;
  return `${bytes} B`;
}

/** A number of messages: 1 message, 1,234 messages. */
export function formatCount(count: number): string {
  return `${formatInteger(count)} message${count === 1 ? '' : 's'}`;
}

/** An address as text: 10.0.0.5:5001, [::1]:5001. */
export function addressOf(address: { readonly host: string; readonly port: number } | undefined): string {
  if (!address) return 'a peer';
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
