// A cable that can be pulled: passes bytes between a port of its own and the instrument, until it is told to break.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Cable {
  readonly port: number;
  /** Breaks the link once this many more bytes have passed from the instrument. The next link is whole again. */
  cutAfter(bytes: number): void;
  close(): void;
}

/** Lays a cable to a port on this computer. */
export async function layCable(instrumentPort: number): Promise<Cable> {
  const ends = new Set<Socket>();
  let bytesToCut = Number.POSITIVE_INFINITY;

  const server = createServer((workstation) => {
    const instrument = connect(instrumentPort, '127.0.0.1');
    const breakLink = () => {
      workstation.destroy();
      instrument.destroy();
    };
    for (const end of [workstation, instrument]) {
      ends.add(end);
      end.on('error', breakLink);
      end.on('close', () => {
        ends.delete(end);
        breakLink();
      });
    }
    workstation.pipe(instrument);
    instrument.pipe(workstation);
    instrument.on('data', (chunk) => {
      bytesToCut -= chunk.length;
      if (bytesToCut > 0) return;
      bytesToCut = Number.POSITIVE_INFINITY;
      breakLink();
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
