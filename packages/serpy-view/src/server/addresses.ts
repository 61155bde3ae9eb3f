/** The names and addresses of this computer. */
import { hostname, networkInterfaces } from 'node:os';

/** The IPv4 addresses of this computer in networks. */
export function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses = []) =>
    addresses.filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address),
  );
}

export function ownNames(): string[] {
  const name = hostname().toLowerCase();
  return [name, `${name}.local`];
}
