/** The protocols. Only this file imports the protocol packages. */
export * as lines from 'serpy-lines';
export * as v1 from 'serpy-v1';
export * as v2 from 'serpy-v2';

/** The option `protocol`: one protocol, or `'auto'` to detect whether the peer speaks v1 or v2. */
export type ProtocolName = 'v1' | 'v2' | 'auto' | 'lines';

export const protocolNames: readonly ProtocolName[] = ['v1', 'v2', 'auto', 'lines'];
