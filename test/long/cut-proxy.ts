/** A proxy between a client and its server, which can cut its links. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export class TcpProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  private constructor(server: Server, sockets: Set<Socket>) {
    this.#server = server;
    this.#sockets = sockets;
    this.port = (server.address() as AddressInfo).port;
  }

  static async open(port: number): Promise<TcpProxy> {
    const sockets = new Set<Socket>();
    const server = createServer((inward) => {
      const outward = connect({ host: '127.0.0.1', port, noDelay: true });
      for (const [end, other] of [
        [inward, outward],
        [outward, inward],
      ] as const) {
        sockets.add(end);
        end.on('error', () => {});
        end.on('close', () => {
          sockets.delete(end);
          other.destroy();
        });
        end.pipe(other);
      }
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TcpProxy(server, sockets);
  }

  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  close(): void {
    this.#server.close();
    this.cut();
  }
}
