/**
 * What the clients of this process have detected about their servers: the next connection to the same address need not wait. An entry expires,
 * and is forgotten as soon as anything contradicts it.
 */
import type { Address, Environment } from 'serpy-core';

/** What is known of a server. */
export interface ServerFacts {
  readonly protocol: 'v1' | 'v2';
  /** Whether it answers probes, as all v2 servers of serpy for Node do. */
  readonly answersProbes: boolean;
}

/** The memory of one address. */
export interface ServerRecord {
  recall(nowMs: number): ServerFacts | undefined;
  remember(facts: ServerFacts, nowMs: number): void;
  forget(): void;
}

/** How long an entry is used. */
const lifetimeMs = 300_000;
/** The oldest entry goes when there are more. */
const maxServers = 256;

class ServerMemory {
  readonly #entries = new Map<string, { readonly facts: ServerFacts; readonly untilMs: number }>();

  recall(key: string, nowMs: number): ServerFacts | undefined {
    const entry = this.#entries.get(key);
    if (entry !== undefined && nowMs < entry.untilMs) return entry.facts;
    this.#entries.delete(key);
    return undefined;
  }

  remember(key: string, facts: ServerFacts, nowMs: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { facts, untilMs: nowMs + lifetimeMs });
    if (this.#entries.size > maxServers) this.#entries.delete(this.#entries.keys().next().value as string);
  }

  forget(key: string): void {
    this.#entries.delete(key);
  }
}

/** One memory for each network: tests have networks of their own. */
const memories = new WeakMap<object, ServerMemory>();

/** The memory of a server. @param encrypted a server with a key is another one */
export function serverRecord(environment: Environment, { host, port }: Address, encrypted: boolean): ServerRecord {
  let memory = memories.get(environment);
  if (memory === undefined) {
    memory = new ServerMemory();
    memories.set(environment, memory);
  }
  const key = `${host}:${port}${encrypted ? ' encrypted' : ''}`;
  const found = memory;
  return {
    recall: (nowMs) => found.recall(key, nowMs),
    remember: (facts, nowMs) => found.remember(key, facts, nowMs),
    forget: () => found.forget(key),
  };
}
