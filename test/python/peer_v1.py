#!/usr/bin/env python3
"""A v1 peer (text blocks) for tests: it behaves like the Python module, with valid and with invalid input.

Driven by JSON lines on stdin, answers with JSON lines on stdout; README.md beside this file lists both.
Standard library only (numpy is used where it is at hand), Python 3.8 or later. Its steering is peer_v2.py's.
"""
import ast
import base64
import importlib
import io
import json
import pickle
import re
import sys
import time

from peer_v2 import LONG, ReceiverDead, Steered, blob, emit, numpy, run

END, CONTROL, EOT = b'\x1f', b'\x01', b'\x04'
SETMODE, ACK_MODE, ACK_EOT = 'SETMODE', 'ACKMODCG', 'ACKEOT!!'
PATIENCE = 10  # seconds that a send waits for its answers by default
NUMPY_NAMES = {
    ('numpy.core.multiarray', '_reconstruct'), ('numpy.core.numeric', '_frombuffer'),
    ('numpy', 'ndarray'), ('numpy', 'dtype'),
}


class CarefulUnpickler(pickle.Unpickler):
    """Reads plain data, and numpy arrays if numpy is installed. It rejects every other global."""

    def find_class(self, module, name):
        old_module = module.replace('numpy._core', 'numpy.core')  # numpy 2 moved them; each version reads both
        if (old_module, name) in NUMPY_NAMES and numpy() is not None:
            for candidate in (old_module.replace('numpy.core', 'numpy._core'), old_module):
                try:
                    return getattr(importlib.import_module(candidate), name)
                except (ImportError, AttributeError):
                    continue
        raise pickle.UnpicklingError('the global %s.%s is refused' % (module, name))


def control(word):
    return CONTROL + word.encode('ascii') + END


def encode(kind, value, mode, encoding, protocol=None):
    """The block of one message without its end, and its mode. value is the Python value."""
    if mode not in range(6):
        raise ValueError('a mode is 0 to 5, not %r' % (mode,))
    if mode >= 4:
        data = pickle.dumps(value, protocol)
    elif kind in ('object', 'array'):
        raise ValueError('%s needs mode 4 or 5' % kind)
    elif kind == 'bytes':
        data, mode = value, mode | 2
    else:
        data = (str(value) if kind == 'number' else value).encode(encoding)
    return pack(data, mode), mode


def pack(data, mode):
    return (base64.b85encode(data) if mode >= 2 else data) + (EOT if mode & 1 else b'')


class Receiver:
    """Decodes the bytes of one connection. It does not use sockets."""

    def __init__(self):
        self.mode, self.rest, self.scanned, self.unended = 0, bytearray(), 0, b''

    def feed(self, chunk):
        """Yields ('control', word), ('answer', word to send) and ('message', kind, value, mode); raises ReceiverDead."""
        self.rest += chunk
        while True:
            end = self.rest.find(END, self.scanned)
            if end < 0:
                self.scanned = len(self.rest)
                return
            block = bytes(self.rest[:end])
            del self.rest[:end + 1]
            self.scanned = 0
            if block.startswith(CONTROL):
                yield from self.take_control(block[1:])
            elif block:
                yield from self.take_data(block)

    def take_control(self, word):
        if re.fullmatch(b'SETMODE[0-5]', word):
            self.mode, self.unended = int(word[-1:]), b''
            yield 'control', word.decode('ascii')
            yield 'answer', ACK_MODE
        elif word in (ACK_MODE.encode('ascii'), ACK_EOT.encode('ascii')):
            yield 'control', word.decode('ascii')
        else:
            yield 'message', 'text', word, self.mode

    def take_data(self, data):
        if self.mode & 1:
            data = self.unended + data
            if EOT in data[:-1]:
                raise ReceiverDead('mode %d data holds 04' % self.mode)
            if not data.endswith(EOT):  # the Python module continues until 04: a 1F inside is lost, and the two parts are joined
                self.unended = data
                return
            data, self.unended = data[:-1], b''
        yield ('message',) + self.decode(data)
        if self.mode & 1:
            yield 'answer', ACK_EOT

    def decode(self, data):
        if self.mode < 2:
            return 'text', data, self.mode
        try:
            data = base64.b85decode(data)
        except ValueError as error:
            raise ReceiverDead('bad base85 in mode %d: %s' % (self.mode, error))
        if self.mode < 4:
            return 'bytes', data, self.mode
        try:
            return 'object', CarefulUnpickler(io.BytesIO(data)).load(), self.mode
        except Exception as error:  # a broken pickle can raise almost any exception
            raise ReceiverDead('pickle in mode %d: %s' % (self.mode, error))


def parse(command):
    """The Python value of a send command."""
    kind = command['type']
    if kind == 'array':
        return make_array(command)
    if kind == 'object' and 'repr' in command:
        return ast.literal_eval(command['repr'])
    value = command['value']
    if kind == 'number' and isinstance(value, str):
        return int(value) if re.fullmatch('[+-]?[0-9]+', value) else float(value)
    if kind in ('text', 'number', 'object'):
        return value
    return {'bytes': bytes.fromhex}[kind](value)


def make_array(command):
    """Element i in C order is (seed + 31 i) mod 127, which fits every dtype and is easy to compute in any language."""
    np = numpy()
    if np is None:
        raise RuntimeError('numpy is not installed')
    count = 1
    for extent in command['shape']:
        count *= extent
    array = ((np.arange(count) * 31 + command.get('seed', 0)) % 127).astype(command['dtype']).reshape(command['shape'])
    return np.asfortranarray(array) if command.get('order') == 'F' else array


def describe_object(value):
    np = sys.modules.get('numpy')
    if np is not None and isinstance(value, np.ndarray) and not value.dtype.hasobject:
        order = 'F' if value.flags.f_contiguous and not value.flags.c_contiguous else 'C'
        data = value.tobytes()
        return dict(blob(data, data.hex()), type='array', dtype=value.dtype.str, shape=list(value.shape), order=order)
    text = repr(value)
    if len(text.encode('utf-8', 'backslashreplace')) > LONG:
        return dict(blob(text.encode('utf-8', 'backslashreplace'), None), type='object')
    fields = {'type': 'object', 'repr': text}
    try:
        if repr(json.loads(json.dumps(value, allow_nan=False))) == text:  # JSON can represent the value with its types
            fields['value'] = value
    except (TypeError, ValueError):
        pass
    return fields


class Peer(Steered):
    kept_mode = 0

    def begin(self, link):
        link.receiver = Receiver()
        link.mode = self.kept_mode
        link.asked, link.answered = {ACK_MODE: 0, ACK_EOT: 0}, {ACK_MODE: 0, ACK_EOT: 0}

    def heard(self, link, what, *details):
        if what == 'message':
            self.deliver(link, *details)
        elif what == 'answer':
            link.write(control(details[0]))
        else:
            asked_for = self.note_answer(link, details[0]) if details[0] in link.asked else None
            if self.options.trace:
                emit('control', word=details[0], **({'unasked': True} if asked_for is False else {}))

    def note_answer(self, link, word):
        with link.changed:
            if link.answered[word] == link.asked[word]:
                return False
            link.answered[word] += 1
            if word == ACK_MODE:  # answers arrive in order, so an earlier EOT without an answer stays without one
                link.answered[ACK_EOT] = link.asked[ACK_EOT]
            link.changed.notify_all()
            return True

    def ask(self, link, data, word, deadline):
        """Writes, then waits for the answer. Answers are counted, so that a late one does not count for the next send."""
        with link.changed:
            link.asked[word] += 1
            number = link.asked[word]
        link.write(data)
        with link.changed:
            patience = max(0, deadline - time.monotonic())
            link.changed.wait_for(lambda: link.answered[word] >= number or link.ending, patience)
            return link.answered[word] >= number

    def transmit(self, link, block, mode, patience):
        deadline = time.monotonic() + patience
        if mode != link.mode:
            self.set_mode(link, None)  # unknown until the answer arrives
            if not self.ask(link, control(SETMODE + str(mode)), ACK_MODE, deadline):
                raise TimeoutError('no %s: %s' % (ACK_MODE, link.ending or 'time is up'))
            self.set_mode(link, mode)
        if mode & 1:
            return {'acknowledged': self.ask(link, block + END, ACK_EOT, deadline)}
        return link.write(block + END)

    def set_mode(self, link, mode):
        link.mode = mode
        if getattr(self.options, 'keep_mode', False):
            self.kept_mode = mode

    def sender(self, command):
        value = parse(command)
        block, mode = encode(
            command['type'], value, command.get('mode', 0), self.options.encoding, self.options.pickle_protocol
        )
        made = describe_object(value) if command['type'] == 'array' else {}
        patience = command.get('timeout', PATIENCE)
        return lambda link: dict(self.transmit(link, block, mode, patience) or {}, **made)

    def echo_sender(self, kind, value, mode):
        data = pickle.dumps(value, self.options.pickle_protocol) if kind == 'object' else value
        return lambda link: self.transmit(link, pack(data, mode), mode, PATIENCE)

    def describe(self, kind, value, mode):
        if kind == 'object':
            return dict(describe_object(value), mode=mode)
        shown = value.hex()
        if kind == 'text':
            try:
                shown = value.decode(self.options.encoding)
            except UnicodeDecodeError:
                shown = None
            if len(value) <= LONG:
                return {'type': kind, 'value': shown, 'hex': value.hex(), 'mode': mode}
        return dict(blob(value, shown), type=kind, mode=mode)


def add_options(common, connect):
    common.add_argument('--encoding', choices=('ascii', 'latin1', 'utf-8'), default='ascii')
    common.add_argument('--trace', action='store_true', help='print the control words that arrive')
    common.add_argument('--pickle-protocol', type=int, default=pickle.DEFAULT_PROTOCOL)
    connect.add_argument('--keep-mode', action='store_true', help='keep the outgoing mode over a reconnect')


if __name__ == '__main__':
    run(Peer, __doc__, add_options)
