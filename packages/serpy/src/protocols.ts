/** The protocols. Only this file imports both protocol packages. */
export * as v1 from 'serpy-v1';
export * as v2 from 'serpy-v2';

/** The option `protocol`: one protocol, or `'auto'` to detect which one the peer speaks. */
export type ProtocolName = 'v1' | 'v2' | 'auto';

export const protocolNames: readonly ProtocolName[] = ['v1', 'v2', 'auto'];
