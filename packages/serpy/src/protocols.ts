/** The protocols there are: the one file that names both packages. */
export * as v1 from 'serpy-v1';
export * as v2 from 'serpy-v2';

/** What can be asked for: one protocol, or to find out which one the peer speaks. */
export type ProtocolName = 'v1' | 'v2' | 'auto';

export const protocolNames: readonly ProtocolName[] = ['v1', 'v2', 'auto'];
