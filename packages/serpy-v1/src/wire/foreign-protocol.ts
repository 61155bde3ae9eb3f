/** Recognizes peers that do not speak v1 by their first bytes. */
import { describeForeignProtocol } from 'serpy-core';

/** Stated here because v1 does not import v2. */
const v2Magic = '\xde\xca\xfe\xca\xfe';

/** What the peer seems to speak; undefined if it is not known. @param start the first bytes of the first block, `sniffBytes` of them at most */
export function foreignProtocolHint(start: Buffer): string | undefined {
  if (start.toString('latin1', 0, v2Magic.length) === v2Magic) {
    return "it looks like v2: use serpy-v2, or protocol: 'v2'";
  }
  return describeForeignProtocol(start);
}
