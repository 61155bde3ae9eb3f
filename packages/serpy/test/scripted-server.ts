/** A server in memory that does on each link what a test says. */
import type { Transport } from 'serpy-core';
import type { MemoryNetwork } from 'serpy-core/testing';

export const probe = '\x01SETMODE0\x1f\x1f\x1f\x1f\x1f';
export const v1Answer = '\x01ACKMODCG\x1f';
export const v2Answer = Buffer.from('decafecafe81ffffffff00000000', 'hex');

/** One link, as the server sees it. */
export class ScriptedLink {
  readonly #end: Transport;
  readonly #chunks: Buffer[] = [];
  over = false;

  constructor(end: Transport, heard: (link: ScriptedLink, chunk: Buffer) => void) {
    this.#end = end;
    end.start({
      received: (chunk) => {
        this.#chunks.push(Buffer.from(chunk));
        heard(this, Buffer.from(chunk));
      },
      drained: () => {},
      ended: () => {
        this.over = true;
        end.destroy();
      },
      closed: () => {
        this.over = true;
      },
    });
  }

  /** All that has come, a character for each byte. */
  get heard(): string {
    return Buffer.concat(this.#chunks).toString('latin1');
  }

  say(text: string | Buffer): void {
    this.#end.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
    this.#end.flush();
  }

  disconnect(): void {
    this.#end.destroy();
  }
}

/** What a server does when something comes on a link. */
export type Behaviour = (link: ScriptedLink, chunk: Buffer) => void;

export const silent: Behaviour = () => {};

/** A v1 server of serpy for Node, as a client sees it: it answers each mode change, and disconnects at a v2 frame. */
export const speaksV1: Behaviour = (link, chunk) => {
  const text = chunk.toString('latin1');
  if (text.includes('\xde\xca\xfe\xca\xfe')) link.disconnect();
  for (const _ of text.matchAll(/\x01SETMODE\d\x1f/g)) link.say(v1Answer);
};

/** A v2 server of serpy for Node without sessions: it skips a probe, sends nothing, and disconnects at v1. */
export const speaksV2: Behaviour = (link) => {
  const { heard } = link;
  const rest = heard.startsWith(probe) ? heard.slice(probe.length) : heard;
  const magic = '\xde\xca\xfe\xca\xfe'.slice(0, rest.length);
  if (!probe.startsWith(heard) && !rest.startsWith(magic)) link.disconnect();
};

/** An auto server, as far as it answers the probe. */
export const answersProbe: Behaviour = (link) => {
  if (link.heard === probe) link.say(v2Answer);
};

/**
 * Listens, and does on the first link what the first says, and so on; on all that follow what the last says.
 * @param greets said as soon as a link is up
 */
export async function scripted(
  network: MemoryNetwork,
  behaviours: readonly Behaviour[],
  greets?: string | Buffer,
): Promise<ScriptedLink[]> {
  const links: ScriptedLink[] = [];
  await network.listen({
    host: '127.0.0.1',
    port: 5000,
    keepAliveMs: 0,
    failed: () => {},
    accept: (end) => {
      const behaviour = behaviours[Math.min(links.length, behaviours.length - 1)] as Behaviour;
      const link = new ScriptedLink(end, behaviour);
      links.push(link);
      if (greets !== undefined) link.say(greets);
    },
  });
  return links;
}
