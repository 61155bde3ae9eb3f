/** The computer as the doctor sees it. Tests pass another one. */
import { execFile } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { arch, availableParallelism, release, totalmem } from 'node:os';
import { type Connection, type ConnectOptions, connect, type ListenOptions, listen } from 'serpy';
import type { Clock, Context } from '../../environment/context.js';

/** The output of a program, or why it failed. */
export type Executed = { readonly stdout: string } | { readonly error: NodeJS.ErrnoException };

export interface HostInfo {
  readonly clock: Clock;
  /** The version of Node, without the v. */
  readonly nodeVersion: string;
  readonly platform: NodeJS.Platform;
  readonly osRelease: string;
  readonly arch: string;
  readonly cpus: number;
  readonly totalMemoryBytes: number;
  connect(options: ConnectOptions, wait: { readonly signal: AbortSignal }): Promise<Connection>;
  listen(options: ListenOptions): ReturnType<typeof listen>;
  /** The addresses of a host name. Rejects for an unknown name. */
  lookup(host: string): Promise<readonly string[]>;
  /** Runs a program. Never rejects. */
  execute(command: string, args: readonly string[], signal: AbortSignal): Promise<Executed>;
  /** The resident memory of this process. */
  residentBytes(): number;
}

/** This computer. */
export function systemHostInfo({ clock, platform }: Pick<Context, 'clock' | 'platform'>): HostInfo {
  return {
    clock,
    nodeVersion: process.versions.node,
    platform,
    osRelease: release(),
    arch: arch(),
    cpus: availableParallelism(),
    totalMemoryBytes: totalmem(),
    connect,
    listen,
    lookup: async (host) => (await lookup(host, { all: true })).map(({ address }) => address),
    execute: (command, args, signal) =>
      new Promise((resolve) => {
        execFile(command, args, { signal, windowsHide: true }, (error, stdout) =>
          resolve(error ? { error: error as NodeJS.ErrnoException } : { stdout }),
        );
      }),
    residentBytes: () => process.memoryUsage.rss(),
  };
}
