// A part of main-job.ts: a proxy that passes bytes between its own port and the instrument, and breaks the connection on request.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Cable {
  readonly port: number;
  /** Breaks the connection after this many more bytes from the instrument. The next connection works. */
  cutAfter(bytes: number): void;
  close(): void;
}

/** Opens a proxy to a port on this computer. */
export async function openCable(instrumentPort: number): Promise<Cable> {
  const ends = new Set<Socket>();
  let bytesToCut = Number.POSITIVE_INFINITY;

  const server = createServer((workstation) => {
    const instrument = connect(instrumentPort, '127.0.0.1');
    const disconnect = () => {
      workstation.destroy();
      instrument.destroy();
    };
    for (const end of [workstation, instrument]) {
      ends.add(end);
      end.on('error', disconnect);
      end.on('close', () => {
        ends.delete(end);
        disconnect();
      });
    }
    workstation.pipe(instrument);
    instrument.pipe(workstation);
    instrument.on('data', (chunk) => {
      bytesToCut -= chunk.length;
      if (bytesToCut > 0) return;
      bytesToCut = Number.POSITIVE_INFINITY;
      disconnect();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    port: (server.address() as AddressInfo).port,
    cutAfter(bytes) {
      bytesToCut = bytes;
    },
    close() {
      server.close();
      for (const end of ends) end.destroy();
    },
  };
}
