"""multiprocessing.connection with send_bytes and recv_bytes, which send bytes without pickling."""

import socket
from multiprocessing.connection import Client, Listener

from worker import main


class Link:
    def __init__(self, connection=None, listener=None):
        self.listener = listener
        if listener:
            self.address = {"host": listener.address[0], "port": listener.address[1]}
        else:
            self.use(connection)

    def accept(self):
        self.use(self.listener.accept())

    def use(self, connection):
        # The module leaves Nagle's algorithm on, which would delay a round trip of two small writes.
        with socket.socket(fileno=socket.dup(connection.fileno())) as tcp:
            tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.send = connection.send_bytes
        self.receive = lambda: len(connection.recv_bytes())


def listen(_workload):
    return Link(listener=Listener(("127.0.0.1", 0)))


def connect(_workload, address):
    return Link(connection=Client((address["host"], address["port"])))


if __name__ == "__main__":
    main(listen, connect)
