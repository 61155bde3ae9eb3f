"""pyzmq: PUSH to PULL, or DEALER to ROUTER. According to its documentation, copy=False is faster from 64 KiB and slower below."""

import sys

import zmq
from worker import main

QUEUE_BYTES = 16 * 1024 * 1024
COPIED_BYTES = 64 * 1024


class Link:
    def __init__(self, kind, workload):
        self.copy = workload["messageBytes"] < COPIED_BYTES
        self.socket = zmq.Context.instance().socket(kind)
        self.socket.linger = 0
        self.socket.set_hwm(max(1, min(1000, QUEUE_BYTES // workload["messageBytes"])))
        self.peer = None

    def bind(self):
        port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.address = {"host": "127.0.0.1", "port": port}
        return self

    def connect(self, address):
        self.socket.connect(f"tcp://{address['host']}:{address['port']}")
        return self

    def accept(self):
        pass

    def send(self, payload):
        if self.peer is None:
            self.socket.send(payload, copy=self.copy)
        else:
            self.socket.send_multipart((self.peer, payload), copy=self.copy)

    def receive(self):
        if self.socket.socket_type == zmq.ROUTER:
            self.peer = self.socket.recv()
        message = self.socket.recv(copy=self.copy)
        return len(message) if self.copy else len(message.buffer)


PUSHES = sys.argv[1].endswith("-push")


def listen(workload):
    return Link(zmq.PULL if PUSHES else zmq.ROUTER, workload).bind()


def connect(workload, address):
    return Link(zmq.PUSH if PUSHES else zmq.DEALER, workload).connect(address)


if __name__ == "__main__":
    main(listen, connect)
