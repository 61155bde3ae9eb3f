/** Peers that speak something else than v1, as far as the first bytes of a wire tell. */
import { describeForeignProtocol } from 'serpy-core';

const v2Magic = '\xde\xca\xfe\xca\xfe';

/** Who it seems to be, or undefined. `start` is the first block, as much of it as is there; a few hundred bytes are enough. */
export function foreignProtocolHint(start: Buffer): string | undefined {
  if (start.toString('latin1', 0, v2Magic.length) === v2Magic) {
    return "it looks like v2: use serpy-v2, or protocol: 'v2'";
  }
  return describeForeignProtocol(start);
}
