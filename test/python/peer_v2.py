#!/usr/bin/env python3
"""A v2 peer (binary frames) for tests: it behaves like the Python module, with valid and with invalid input.

Driven by JSON lines on stdin, answers with JSON lines on stdout; README.md beside this file lists both.
Standard library only, Python 3.8 or later. The lower half, the steering, knows no protocol: peer_v1.py uses it too.
"""
import argparse
import hashlib
import json
import os
import platform
import queue
import re
import socket
import struct
import sys
import threading
import time

MAGIC = b'\xde\xca\xfe\xca\xfe'
HEADER = struct.Struct('<5sBII')
TYPES = {'int': 0x01, 'float': 0x11, 'str': 0x21, 'bytes': 0x81}
TICK = 0.02  # seconds after which a blocked socket call checks whether its link must end
LONG = 4096  # bytes; longer values are reported as sha256 and length


class ReceiverDead(Exception):
    """Input at which the receiver thread of the Python module terminates."""


def encode(kind, value):
    """The frame of one message. value is an int, a float, a str or bytes, depending on kind."""
    payload = {
        'int': lambda: value.to_bytes(8, 'little', signed=True),
        'float': lambda: value.hex().encode('ascii'),
        'str': lambda: value.encode('utf-8'),
        'bytes': lambda: value,
    }[kind]()
    return HEADER.pack(MAGIC, TYPES[kind], sum(payload) & 0xFFFFFFFF, len(payload)) + payload


def decode(code, payload):
    try:
        if code == TYPES['int']:
            return 'int', int.from_bytes(payload, 'little', signed=True)
        if code == TYPES['float']:
            return 'float', float.fromhex(payload.decode('ascii'))
        if code == TYPES['str']:
            return 'str', payload.decode('utf-8')
    except (ValueError, OverflowError) as error:
        raise ReceiverDead('bad payload of type %02x: %s' % (code, error))
    if code == TYPES['bytes']:
        return 'bytes', payload
    raise ReceiverDead('unknown type %02x' % code)


class Receiver:
    """Decodes the bytes of one connection. It does not use sockets."""

    def __init__(self):
        self.rest = bytearray()

    def feed(self, chunk):
        """Yields ('message', kind, value), ('bad_checksum', code, length), ('bad_magic', discarded); raises ReceiverDead."""
        self.rest += chunk
        while len(self.rest) >= HEADER.size:
            magic, code, checksum, length = HEADER.unpack_from(self.rest)
            if magic != MAGIC:
                discarded = len(self.rest)
                self.rest.clear()
                yield 'bad_magic', discarded
                return
            if len(self.rest) < HEADER.size + length:
                return
            payload = bytes(self.rest[HEADER.size:HEADER.size + length])
            del self.rest[:HEADER.size + length]
            if sum(payload) & 0xFFFFFFFF != checksum:  # checked before the type, so a wrong checksum hides the type
                yield 'bad_checksum', code, length
            else:
                yield ('message',) + decode(code, payload)


def parse(kind, value):
    """The Python value of a send command's JSON value."""
    if kind == 'float' and isinstance(value, str) and re.fullmatch('[0-9a-fA-F]{16}', value):
        return struct.unpack('>d', bytes.fromhex(value))[0]
    return {'int': lambda text: int(str(text)), 'float': float, 'str': str, 'bytes': bytes.fromhex}[kind](value)


def blob(data, shown):
    """A long value as sha256 and length, a short one as it is."""
    if len(data) > LONG:
        return {'sha256': hashlib.sha256(data).hexdigest(), 'length': len(data)}
    return {'value': shown}


# Control: stdin, stdout, sockets and threads; no protocol.

stdout_lock = threading.Lock()


def emit(event, **fields):
    with stdout_lock:
        try:
            sys.stdout.write(json.dumps(dict({'event': event}, **fields)) + '\n')
            sys.stdout.flush()
        except OSError:  # no thread listens any more
            os._exit(0)


def answer(command, error=None, **fields):
    fields.update((key, command[key]) for key in ('do', 'id') if key in command)
    if error is None:
        emit('done', **fields)
    else:
        emit('error', why='%s: %s' % (type(error).__name__, error), **fields)


def leave(code=0):
    """Ends the process at once, even if its threads wait. The lock prevents a truncated event."""
    stdout_lock.acquire(timeout=1)
    os._exit(code)


def numpy():
    """The numpy module, or None."""
    try:
        import numpy as module
        return module
    except ImportError:
        return None


class Link:
    """One TCP connection. Only the thread that reads it closes it; the others request that with end()."""

    def __init__(self, sock):
        sock.settimeout(TICK)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:  # already reset by the other end, which some systems report here; reading also reports it
            pass
        self.sock, self.ending, self.receiver_dead = sock, None, False
        self.gone, self.write_lock, self.changed = threading.Event(), threading.Lock(), threading.Condition()

    def end(self, why):
        with self.changed:
            self.ending = self.ending or why
            self.changed.notify_all()

    def write(self, data):
        with self.write_lock:
            view = memoryview(data)
            while len(view):
                if self.ending:
                    raise ConnectionError('the link ended: ' + self.ending)
                try:
                    view = view[self.sock.send(view):]
                except socket.timeout:
                    continue
                except OSError as error:
                    self.end(str(error))
                    raise ConnectionError('the link ended: ' + self.ending)

    def close(self):
        try:
            if self.ending == 'rst':
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            else:
                # Closing with unread bytes would send RST and discard data in flight, so this reads until the FIN of the other end.
                self.sock.shutdown(socket.SHUT_WR)
                until = time.monotonic() + 10 * TICK
                while time.monotonic() < until:
                    try:
                        if not self.sock.recv(65536):
                            break
                    except socket.timeout:
                        pass
        except OSError:
            pass
        self.sock.close()


class Steered:
    """A peer that commands control. A protocol adds begin, heard, sender, describe and echo_sender."""

    def __init__(self, options):
        self.options, self.link, self.closed, self.echo = options, None, False, False
        self.paused, self.gate = False, threading.Condition()
        self.over = threading.Event()  # set when it no longer listens, connects or reads
        self.jobs = queue.Queue()  # sends and echoes, which one thread performs in order

    def run_role(self):
        getattr(self, self.options.role)()
        self.over.set()

    def listen(self):
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((self.options.host, self.options.port))
            server.listen(8)
        except OSError as error:
            emit('error', why='cannot listen: %s' % error)
            leave(1)
        server.settimeout(TICK)
        emit('listening', port=server.getsockname()[1])
        while not self.closed:
            try:
                sock = server.accept()[0]
            except OSError:  # time to check whether to close, or a connection that has already closed
                continue
            self.serve(sock, 'connected')
        server.close()

    def connect(self):
        event = 'connected'
        while not self.closed:
            try:
                sock = socket.create_connection((self.options.host, self.options.port), timeout=5)
                if sock.getsockname() == sock.getpeername():  # without a listener on a local port, TCP can connect a socket with itself
                    sock.close()
                    raise ConnectionRefusedError('connected to itself')
            except OSError as error:
                if not self.options.auto_restart:
                    emit('error', why='cannot connect: %s' % error)
                    leave(1)
                time.sleep(TICK)
                continue
            self.serve(sock, event)
            event = 'reconnected'
            if not self.options.auto_restart:
                return

    def serve(self, sock, event):
        link = Link(sock)
        self.begin(link)
        self.link = link
        if self.closed:  # close was called before there was a link to end
            link.end('fin')
        emit(event)
        while not link.ending:
            if self.paused:
                time.sleep(TICK)
                continue
            try:
                chunk = sock.recv(65536)
            except socket.timeout:
                continue
            except OSError as error:
                link.end(str(error))
                break
            if not chunk:
                link.end('the other end closed')
            elif not link.receiver_dead:
                self.take(link, chunk)
        self.link = None
        link.close()
        emit('disconnected', why=link.ending)
        link.gone.set()

    def take(self, link, chunk):
        try:
            for what, *details in link.receiver.feed(chunk):
                self.heard(link, what, *details)
                if link.ending:
                    return
        except ReceiverDead as error:
            link.receiver_dead = True
            emit('receiver_dead', why=str(error))
        except OSError as error:  # an answer could not be written
            link.end(str(error))

    def deliver(self, link, *message):
        with self.gate:  # locked while the event is written, so that no message follows the answer to a pause
            while self.paused and not link.ending:
                self.gate.wait(TICK)
            if link.ending:
                return
            emit('message', **self.describe(*message))
        if self.echo:
            self.jobs.put(({'do': 'echo'}, self.echo_sender(*message)))
        time.sleep(self.options.delay_ms / 1000)

    def work(self):
        while True:
            command, job = self.jobs.get()
            link = self.link
            try:
                if link is None:
                    raise ConnectionError('not connected')
                outcome = job(link) or {}
                if command['do'] != 'echo':
                    answer(command, **outcome)
            except Exception as error:
                answer(command, error)

    def command(self, command):
        do = command['do']
        if do == 'send':
            return self.jobs.put((command, self.sender(command)))
        if do == 'send_raw':
            data = bytes.fromhex(command['hex'])
            return self.jobs.put((command, lambda link: link.write(data)))
        if do == 'hello':
            id_field = {'id': command['id']} if 'id' in command else {}
            return emit('hello', python=platform.python_version(), numpy=numpy() is not None, **id_field)
        if do in ('cut', 'close'):
            self.closed = self.closed or do == 'close'
            link = self.link
            if link is not None:
                link.end('rst' if command.get('how') == 'rst' else 'fin')
                link.gone.wait()
            elif do == 'cut':
                raise ConnectionError('not connected')
            if self.closed:
                self.over.wait()
        elif do == 'echo':
            self.echo = bool(command['on'])
        elif do in ('pause', 'resume'):
            with self.gate:
                self.paused = do == 'pause'
                self.gate.notify_all()
        elif do != 'quit':
            raise ValueError('unknown command %r' % do)
        answer(command)
        if do == 'quit':
            leave()


def run(make, doc, add_options=lambda common, connect: None):
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument('--host', default='127.0.0.1')
    common.add_argument('--port', type=int, default=0)
    common.add_argument('--delay-ms', type=float, default=0, help='rest after each delivered message')
    connect_only = argparse.ArgumentParser(add_help=False)
    connect_only.add_argument('--auto-restart', action='store_true')
    add_options(common, connect_only)
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    roles = parser.add_subparsers(dest='role', required=True)
    roles.add_parser('listen', parents=[common])
    roles.add_parser('connect', parents=[common, connect_only])
    peer = make(parser.parse_args())
    for target in (peer.work, peer.run_role):
        threading.Thread(target=target, daemon=True).start()
    for line in iter(sys.stdin.buffer.readline, b''):
        command = {}
        try:
            command = json.loads(line.decode('utf-8'))
            peer.command(command)
        except Exception as error:
            answer(command if isinstance(command, dict) else {}, error)
    leave()


class Peer(Steered):
    def begin(self, link):
        link.receiver = Receiver()

    def heard(self, link, what, *details):
        if what == 'message':
            self.deliver(link, *details)
        elif what == 'bad_magic':
            emit(what, discarded=details[0])
        else:
            emit(what, type='%02x' % details[0], length=details[1])

    def sender(self, command):
        return self.echo_sender(command['type'], parse(command['type'], command['value']))

    def echo_sender(self, kind, value):
        frame = encode(kind, value)
        return lambda link: link.write(frame)

    def describe(self, kind, value):
        if kind == 'int':
            return {'type': kind, 'value': str(value)}
        if kind == 'float':
            return {'type': kind, 'value': struct.pack('>d', value).hex()}
        data = value if kind == 'bytes' else value.encode('utf-8')
        return dict({'type': kind}, **blob(data, value.hex() if kind == 'bytes' else value))


if __name__ == '__main__':
    run(Peer, __doc__)
