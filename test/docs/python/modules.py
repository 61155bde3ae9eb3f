"""The API of the Python modules over the peers of test/python, as far as docs/how-to/from-python.md uses it."""
import json
import os
import queue
import struct
import subprocess
import sys
import threading

PEERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'python')
KINDS = {
    'v1': {str: 'text', bytes: 'bytes', int: 'number', float: 'number'},
    'v2': {str: 'str', bytes: 'bytes', int: 'int', float: 'float'},
}


class Peer:
    def __init__(self, protocol, *arguments):
        self.messages, self.answers, self.events = queue.Queue(), queue.Queue(), queue.Queue()
        program = os.path.join(PEERS, 'peer_%s.py' % protocol)
        pipes = {'stdin': subprocess.PIPE, 'stdout': subprocess.PIPE}
        self.process = subprocess.Popen([sys.executable, program, *arguments], text=True, **pipes)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        kinds = {'message': self.messages, 'done': self.answers, 'error': self.answers}
        for line in self.process.stdout:
            event = json.loads(line)
            kinds.get(event['event'], self.events).put(event)

    def do(self, **command):
        print(json.dumps(command), file=self.process.stdin, flush=True)
        answer = self.answers.get(timeout=15)
        if answer['event'] == 'error':
            raise RuntimeError(answer['why'])
        return answer


def value_of(message):
    if message['type'] == 'int':
        return int(message['value'])
    if message['type'] == 'float':
        return struct.unpack('>d', bytes.fromhex(message['value']))[0]
    return bytes.fromhex(message['value']) if message['type'] == 'bytes' else message['value']


def of(protocol):
    """The classes of a module."""
    class Connection:
        def __init__(self, encoding='ascii', auto_restart=False, peer=None):
            self.options = (['--encoding', encoding] if protocol == 'v1' else []) + (['--auto-restart'] if auto_restart else [])
            self.peer = peer

        def connect(self, adr, port):
            self.peer = Peer(protocol, 'connect', '--host', adr, '--port', str(port), *self.options)
            assert self.peer.events.get(timeout=15)['event'] == 'connected'

        def sendData(self, data, mode=0, timeout=None):
            kind = KINDS[protocol][type(data)]
            more = {} if protocol == 'v2' else {'mode': mode, **({} if timeout is None else {'timeout': timeout})}
            value = data.hex() if kind == 'bytes' else data
            return self.peer.do(do='send', type=kind, value=value, **more).get('acknowledged', True)

        def getData(self, timeout=None):
            return value_of(self.peer.messages.get(timeout=timeout))

        def __iter__(self):
            while not self.peer.messages.empty():
                yield value_of(self.peer.messages.get())

        def close(self):
            self.peer.do(do='close')
            self.peer.do(do='quit')
            self.peer.process.wait(timeout=15)

    class Server:
        def __init__(self, adr, port, nb_conn, encoding='ascii'):
            self.arguments = ['--host', adr, '--port', str(port)] + (['--encoding', encoding] if protocol == 'v1' else [])

        def start(self):
            self.peer = Peer(protocol, 'listen', *self.arguments)
            assert self.peer.events.get(timeout=15)['event'] == 'listening'

        def getConnection(self):
            while self.peer.events.get()['event'] != 'connected':
                pass
            return Connection(peer=self.peer)

    return Connection, Server
