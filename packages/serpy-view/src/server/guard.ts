/** Who may open the page: the checks of Host, Origin and token of each request. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** The name of the WebSocket protocol. The token is a second name, because a page cannot set other headers. */
export const webSocketProtocol = 'serpy-view';

const tokenPrefix = 'token.';

export interface GuardOptions {
  /** That of people who can look. Undefined where only this computer can connect. */
  readonly token: string | undefined;
  /** That of the person who started the view, who can also mark. */
  readonly ownerToken?: string | undefined;
  /** Names of this computer, without ports. */
  readonly hosts: readonly string[];
  readonly scheme: 'http' | 'https';
}

export function createToken(): string {
  return randomBytes(24).toString('base64url');
}

export class Guard {
  readonly #options: GuardOptions;
  readonly #hash: Buffer | undefined;
  readonly #ownerHash: Buffer | undefined;

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#hash = options.token === undefined ? undefined : hashOf(options.token);
    this.#ownerHash = options.ownerToken === undefined ? undefined : hashOf(options.ownerToken);
  }

  /**
   * A sentence for a request with another name of this server: the page of another site, whose name was made to point here, sends such a one.
   * Any port is right, because a tunnel can have another one.
   */
  refuseHost({ headers }: IncomingMessage): string | undefined {
    const [, name] = /^(\[[\da-f:.]+\]|[\w.-]+)(?::\d{1,5})?$/i.exec(headers.host ?? '') ?? [];
    if (name !== undefined && this.#options.hosts.includes(name.toLowerCase())) return undefined;
    return 'this server has another name: open the address that it prints';
  }

  /** A sentence for a request that a page of another site makes. */
  refuseOrigin({ headers }: IncomingMessage, isRequired: boolean): string | undefined {
    const { origin, host } = headers;
    if (origin === undefined ? !isRequired : origin === `${this.#options.scheme}://${host}`) return undefined;
    return 'the request does not come from the page of this server';
  }

  /** A sentence for a WebSocket without the token. */
  refuseProtocols({ headers }: IncomingMessage): string | undefined {
    if (!protocolNames(headers).includes(webSocketProtocol)) return 'the page speaks another protocol: reload it';
    return this.#refuseToken(tokenOf(headers));
  }

  /** Whether a WebSocket that was accepted is that of the person who started the view. */
  isOwner({ headers }: IncomingMessage): boolean {
    const given = tokenOf(headers);
    if (this.#hash === undefined) return true;
    return given !== undefined && isEqual(given, this.#ownerHash);
  }

  /** A sentence for a download without the token. */
  refuseBearer({ headers }: IncomingMessage): string | undefined {
    return this.#refuseToken(/^Bearer (\S+)$/.exec(headers.authorization ?? '')?.[1]);
  }

  #refuseToken(given: string | undefined): string | undefined {
    if (this.#hash === undefined) return undefined;
    const isRight =
      given !== undefined && [this.#hash, this.#ownerHash].map((hash) => isEqual(given, hash)).includes(true);
    if (isRight) return undefined;
    return 'the token is missing or wrong: open the whole address that the server prints, with what follows #';
  }
}

function protocolNames(headers: IncomingMessage['headers']): string[] {
  return (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
}

function tokenOf(headers: IncomingMessage['headers']): string | undefined {
  return protocolNames(headers)
    .find((name) => name.startsWith(tokenPrefix))
    ?.slice(tokenPrefix.length);
}

function isEqual(token: string, hash: Buffer | undefined): boolean {
  return hash !== undefined && timingSafeEqual(hashOf(token), hash);
}

/** Equal lengths for the comparison. */
function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
