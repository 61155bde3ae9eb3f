/** How commands write what they tell: addresses, numbers, sizes. */

const schemes: Readonly<Record<string, string>> = { v1: 'serpy1', v2: 'serpy2', auto: 'serpy' };

/** An address as a URL that other commands and programs take. */
export function urlOf(protocol: string, { host, port }: { readonly host: string; readonly port: number }): string {
  return `${schemes[protocol]}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** A whole number with its thousands apart: 1,234,567. */
export function thousands(value: number): string {
  return Math.round(value)
    .toString()
    .replaceAll(/\B(?=(\d{3})+$)/g, ',');
}

/** A number of bytes for people: 3.2 MB. */
export function byteCount(bytes: number): string {
  const [unit, size] = (
    [
      ['GB', 1e9],
      ['MB', 1e6],
      ['kB', 1e3],
    ] as const
  ).find(([, each]) => bytes >= each) ?? ['bytes', 1];
  return size === 1 ? `${bytes} bytes` : `${(bytes / size).toFixed(1)} ${unit}`;
}
