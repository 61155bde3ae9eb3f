"""The Python peers against each other, against bare sockets, and their codecs against the recorded vectors.

Run with: python3 -m unittest discover -s test/python -p 'test_*.py'
"""
import hashlib
import json
import math
import os
import pickle
import pickletools
import queue
import random
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import peer_v1  # noqa: E402
import peer_v2  # noqa: E402

PATIENCE = 20  # seconds after which a false condition fails its test


def vectors(name):
    with open(os.path.join(HERE, '..', 'vectors', name), encoding='utf-8') as file:
        return json.load(file)


def cuts(data, seed=1):
    """The same bytes whole, byte by byte, split in two at each place (up to 200 places), and in random pieces."""
    yield [data]
    yield [data[i:i + 1] for i in range(len(data))]
    for i in range(1, min(len(data), 200)):
        yield [data[:i], data[i:]]
    rng, pieces, at = random.Random(seed), [], 0
    while at < len(data):
        step = rng.randrange(1, 40)
        pieces.append(data[at:at + step])
        at += step
    yield pieces


def fed(receiver, pieces):
    return [item for piece in pieces for item in receiver.feed(piece)]


class Driven:
    """A peer process and the events it has printed."""

    def __init__(self, program, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, program)] + [str(argument) for argument in arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        self.events, self.seen = queue.Queue(), []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.events.put(json.loads(line.decode('ascii')))

    def do(self, do, **fields):
        """Sends a command and returns its answer."""
        self.tell(do, **fields)
        return self.until(lambda e: e['event'] == 'hello' or (e['event'] in ('done', 'error') and e.get('do') == do))

    def tell(self, do, **fields):
        self.process.stdin.write(json.dumps(dict(fields, do=do)).encode() + b'\n')
        self.process.stdin.flush()

    def until(self, wanted):
        """Reads events until one matches; a name matches the event with that name. The events before it are in seen."""
        match = wanted if callable(wanted) else lambda event: event['event'] == wanted
        for index, event in enumerate(self.seen):
            if match(event):
                return self.seen.pop(index)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                event = self.events.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError('it never came; passed: %r' % self.seen)
            if match(event):
                return event
            self.seen.append(event)

    def message(self):
        return self.until('message')

    def end(self):
        """Closes stdin and returns the exit code."""
        try:
            self.process.stdin.close()
            return self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.wait()
            self.reader.join()
            self.process.stdout.close()


class PeerTest(unittest.TestCase):
    program = ''

    def start(self, *arguments):
        driven = Driven(self.program, *arguments)
        self.addCleanup(driven.end)
        return driven

    def listener(self, *arguments):
        driven = self.start('listen', '--port', 0, *arguments)
        driven.port = driven.until('listening')['port']
        return driven

    def pair(self, *arguments, connect=()):
        server = self.listener(*arguments)
        client = self.start('connect', '--port', server.port, *(arguments + tuple(connect)))
        server.until('connected')
        client.until('connected')
        return server, client

    def connect_to(self, driven, receive_buffer=None):
        sock = socket.socket()
        self.addCleanup(sock.close)
        sock.settimeout(PATIENCE)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.connect(('127.0.0.1', driven.port))
        driven.until('connected')
        return sock

    def assert_nothing_more(self, driven):
        """A command's answer comes after everything printed before it."""
        driven.do('hello')
        self.assertEqual([event for event in driven.seen if event['event'] == 'message'], [])


class SteeringOf:
    """The common tests of both peers, mixed into one class per protocol."""

    def test_ends_by_itself_when_stdin_ends_and_on_quit(self):
        server, client = self.pair()
        self.assertEqual(client.end(), 0)
        self.assertEqual(server.until('disconnected')['why'], 'the other end closed')
        self.assertEqual(server.do('quit')['event'], 'done')
        self.assertEqual(server.process.wait(PATIENCE), 0)

    def test_ends_although_a_send_is_blocked(self):
        server = self.listener()
        sock = self.connect_to(server)
        server.tell('send_raw', hex='00' * (16 << 20))
        sock.recv(1)
        self.assertEqual(server.end(), 0)

    def test_answers_hello_and_keeps_the_id_of_a_command(self):
        server = self.listener()
        answer = server.do('hello', id=7)
        self.assertEqual((answer['id'], answer['python'].split('.')[0]), (7, '3'))
        self.assertIs(answer['numpy'], peer_v2.numpy() is not None)
        self.assertEqual(server.do('echo', on=True, id='x'), {'event': 'done', 'do': 'echo', 'id': 'x'})

    def test_answers_an_error_to_an_invalid_command_and_continues(self):
        server = self.listener()
        server.process.stdin.write(b'not json\n{"x":1}\n[1]\n')
        server.tell('dance')
        for _ in range(4):
            self.assertEqual(server.until('error')['event'], 'error')
        self.assertIn('not connected', server.do('send', type=self.text, value='x')['why'])
        self.assertIn('not connected', server.do('cut', how='fin')['why'])
        self.assertEqual(server.do('send', type='tensor', value='x')['event'], 'error')
        self.assertEqual(server.do('hello')['event'], 'hello')

    def test_connecting_without_a_listener_is_an_error(self):
        server = self.listener()
        server.do('quit')
        server.process.wait(PATIENCE)
        client = self.start('connect', '--port', server.port)
        self.assertIn('cannot connect', client.until('error')['why'])
        self.assertEqual(client.process.wait(PATIENCE), 1)

    def test_a_listening_peer_accepts_again_after_each_kind_of_cut(self):
        server = self.listener()
        for how in ('fin', 'rst', 'fin'):
            sock = self.connect_to(server)
            server.do('cut', how=how)
            self.assertEqual(server.until('disconnected')['why'], how)
            if how == 'fin':
                self.assertEqual(sock.recv(1), b'')
            else:
                self.assertRaises(ConnectionResetError, sock.recv, 1)

    def test_a_cut_with_fin_delivers_sent_data_although_input_is_unread(self):
        server = self.listener()
        sock = self.connect_to(server, receive_buffer=4096)  # so that most of the data is not sent yet at the cut
        server.do('pause')
        sock.sendall(bytes(200000))
        server.do('send_raw', hex='61' * 100000)
        server.do('cut', how='fin')
        got = 0
        while got < 100000:
            got += len(sock.recv(4096)) or self.fail('only %d bytes arrived' % got)
        self.assertEqual(sock.recv(1), b'')

    def test_cuts_although_a_send_is_blocked(self):
        server = self.listener()
        sock = self.connect_to(server)
        server.tell('send_raw', hex='00' * (16 << 20))
        sock.recv(1)
        server.do('cut', how='rst')
        self.assertIn('ended', server.until(lambda e: e.get('do') == 'send_raw')['why'])
        with self.assertRaises(ConnectionResetError):
            while sock.recv(65536):
                pass

    def test_auto_restart_reconnects_after_a_cut_by_either_side(self):
        server, client = self.pair(connect=['--auto-restart'])
        for side in (server, client):
            for how in ('fin', 'rst'):
                side.do('cut', how=how)
                client.until('disconnected')
                client.until('reconnected')
                server.until('connected')
                for one, other in ((client, server), (server, client)):
                    one.do('send', type=self.text, value='again')
                    self.assertEqual(other.message()['value'], 'again')

    def test_auto_restart_waits_for_a_listener_and_close_ends_it(self):
        server = self.listener()
        server.do('quit')
        server.process.wait(PATIENCE)
        client = self.start('connect', '--port', server.port, '--auto-restart')
        client.do('hello')
        again = self.start('listen', '--port', server.port)
        again.until('connected')
        client.until('connected')
        self.assertEqual(client.do('close')['event'], 'done')
        again.until('disconnected')
        client.do('hello')
        self.assertNotIn('reconnected', [event['event'] for event in client.seen])

    def test_close_stops_listening(self):
        server = self.listener()
        sock = self.connect_to(server)
        server.do('close')
        self.assertEqual(sock.recv(1), b'')
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(('127.0.0.1', server.port), timeout=PATIENCE).close()
        self.assertIn('not connected', server.do('send_raw', hex='00')['why'])

    def test_prints_nothing_while_paused_and_everything_once_resumed(self):
        server, client = self.pair()
        for event in (server.do('pause'), client.do('send', type=self.text, value='1'), server.do('hello')):
            self.assertIn(event['event'], ('done', 'hello'))
        self.assert_nothing_more(server)
        client.do('send', type=self.text, value='2')
        server.do('resume')
        self.assertEqual([server.message()['value'] for _ in range(2)], ['1', '2'])

    def test_a_paused_peer_pushes_back(self):
        server = self.listener()
        sock = self.connect_to(server)
        server.do('pause')
        sock.settimeout(0.2)
        with self.assertRaises(socket.timeout):
            while True:
                sock.send(self.chunk)
        server.do('resume')
        sock.settimeout(PATIENCE)
        sock.sendall(self.chunk)

    def test_handles_one_message_every_delay(self):
        server, client = self.pair('--delay-ms', 20)
        begin = time.monotonic()
        for number in range(10):
            client.tell('send', type=self.text, value=str(number))
        self.assertEqual([server.message()['value'] for _ in range(10)], [str(number) for number in range(10)])
        self.assertGreaterEqual(time.monotonic() - begin, 9 * 0.02)

    def test_reports_long_bytes_as_sha256_and_length(self):
        server, client = self.pair()
        for length in (4096, 4097, 3 << 20):
            data = random.Random(length).getrandbits(8 * length).to_bytes(length, 'big')
            client.do('send', type='bytes', value=data.hex(), mode=2)
            got = server.message()
            if length > 4096:
                self.assertEqual((got['sha256'], got['length']), (hashlib.sha256(data).hexdigest(), length))
            else:
                self.assertEqual(got['value'], data.hex())


class V2Codec(unittest.TestCase):
    def rows(self):
        for row in vectors('v2-frames.json')['vectors']:
            kind = row['type']
            value = {'str': row.get('value'), 'bytes': row.get('hex', row.get('value')), 'int': row.get('value'),
                     'float': row.get('ieee754_be_hex')}[kind]
            yield kind, peer_v2.parse(kind, value), bytes.fromhex(row['frame_hex'])

    def test_encodes_every_recorded_frame(self):
        for kind, value, frame in self.rows():
            self.assertEqual(peer_v2.encode(kind, value).hex(), frame.hex())

    def test_decodes_every_recorded_frame_through_every_cut(self):
        for kind, value, frame in self.rows():
            for pieces in cuts(frame):
                (what, got_kind, got), = fed(peer_v2.Receiver(), pieces)
                self.assertEqual((what, got_kind), ('message', kind))
                if kind == 'float':  # nan is not equal to itself, 0 is equal to -0: compare the bits
                    self.assertEqual(struct.pack('>d', got), struct.pack('>d', value))
                else:
                    self.assertEqual(got, value)

    def test_accepts_an_int_of_any_length(self):
        for payload, value in ((b'', 0), (b'\xff', -1), (b'\x00\x01', 256), (b'\x00' * 20 + b'\x01', 1 << 160)):
            self.assertEqual(peer_v2.decode(0x01, payload), ('int', value))

    def test_refuses_an_int_beyond_eight_bytes(self):
        self.assertRaises(OverflowError, peer_v2.encode, 'int', 1 << 63)

    def test_reads_everything_that_fromhex_accepts(self):
        for text, value in (('0x1p4', 16.0), ('1.8', 1.5), (' InFinity ', math.inf), ('-0x0p0', -0.0)):
            self.assertEqual(peer_v2.decode(0x11, text.encode()), ('float', value))

    def test_stops_receiving_on_bad_payloads_and_unknown_types(self):
        floats = [(0x11, text) for text in (b'', b'one', b'\xff', b'0x1p5000')]
        for code, payload in floats + [(0x21, b'\xc3'), (0x7E, b'')]:
            self.assertRaises(peer_v2.ReceiverDead, peer_v2.decode, code, payload)

    def test_drops_a_wrong_checksum_of_any_type_and_continues(self):
        good = peer_v2.encode('str', 'a')
        bad = b'\xde\xca\xfe\xca\xfe\x7e\x00\x00\x00\x00\x01\x00\x00\x00x'
        for pieces in cuts(good + bad + good):
            whats = [item[0] for item in fed(peer_v2.Receiver(), pieces)]
            self.assertEqual(whats, ['message', 'bad_checksum', 'message'])

    def test_discards_its_buffer_if_14_bytes_do_not_start_with_the_magic(self):
        good, probe = peer_v2.encode('int', 1), b'\x01SETMODE0' + b'\x1f' * 5
        receiver = peer_v2.Receiver()
        self.assertEqual(fed(receiver, [probe[:13]]), [])
        self.assertEqual(fed(receiver, [probe[13:]]), [('bad_magic', 14)])
        self.assertEqual(fed(receiver, [good]), [('message', 'int', 1)])
        self.assertEqual(fed(receiver, [good + probe + good]), [('message', 'int', 1), ('bad_magic', 14 + len(good))])
        self.assertEqual(fed(receiver, [good]), [('message', 'int', 1)])


class V2Peer(SteeringOf, PeerTest):
    program, text, chunk = 'peer_v2.py', 'str', peer_v2.encode('bytes', bytes(5000))

    def test_echoes_every_type(self):
        server, client = self.pair()
        server.do('echo', on=True)
        for kind, value, back in (
            ('int', '-9223372036854775808', '-9223372036854775808'), ('int', 5, '5'),
            ('float', '7ff8000000000000', '7ff8000000000000'), ('float', '8000000000000000', '8000000000000000'),
            ('float', '0.1', '3fb999999999999a'), ('float', 2, '4000000000000000'),
            ('str', 'µ\x00\U0001f600', 'µ\x00\U0001f600'), ('str', '', ''),
            ('bytes', '', ''), ('bytes', '00ff1f', '00ff1f'),
        ):
            self.assertEqual(client.do('send', type=kind, value=value)['event'], 'done')
            self.assertEqual(client.message(), {'event': 'message', 'type': kind, 'value': back})
            self.assertEqual(server.message(), {'event': 'message', 'type': kind, 'value': back})
        server.do('echo', on=False)
        client.do('send', type='int', value=1)
        server.message()
        server.do('send', type='str', value='last')
        self.assertEqual(client.message()['value'], 'last')

    def test_refuses_values_that_the_type_cannot_hold(self):
        _, client = self.pair()
        for kind, value in (('int', str(1 << 63)), ('int', 1.5), ('float', 'x'), ('bytes', '0'), ('str', '\ud800')):
            self.assertEqual(client.do('send', type=kind, value=value)['event'], 'error')

    def test_reports_bad_checksum_and_bad_magic_and_continues(self):
        server, client = self.pair()
        client.do('send_raw', hex='decafecafe7e0000000001000000ff' + peer_v2.encode('str', 'a').hex())
        self.assertEqual(server.until('bad_checksum'), {'event': 'bad_checksum', 'type': '7e', 'length': 1})
        self.assertEqual(server.message()['value'], 'a')
        client.do('send_raw', hex=(b'\x01SETMODE0' + b'\x1f' * 5).hex())
        self.assertEqual(server.until('bad_magic'), {'event': 'bad_magic', 'discarded': 14})
        client.do('send', type='str', value='b')
        self.assertEqual(server.message()['value'], 'b')

    def test_receives_nothing_until_the_connection_ends(self):
        server, client = self.pair(connect=['--auto-restart'])
        unknown, text, number = '7e0000000000000000', '21ff00000001000000ff', '11780000000100000078'
        for bad in ('decafecafe' + rest for rest in (unknown, text, number)):
            client.do('send_raw', hex=bad)
            server.until('receiver_dead')
            client.do('send', type='int', value=1)
            client.do('cut', how='fin')
            server.until('disconnected')
            client.until('reconnected')
            server.until('connected')
            client.do('send', type='int', value=2)
            self.assertEqual(server.message()['value'], '2')


class V1Codec(unittest.TestCase):
    def test_base85_is_as_recorded(self):
        recorded = vectors('base85.json')
        for row in recorded['vectors']:
            data, text = bytes.fromhex(row['hex']), row['base85'].encode('ascii')
            self.assertEqual(peer_v1.encode('bytes', data, 2, 'ascii'), (text, 2))
            if data:
                self.assertEqual(self.received(2, text), [('message', 'bytes', data, 2)])
        for row in recorded['decode']:
            text = row['base85'].encode('ascii')
            if row['ok']:
                self.assertEqual(self.received(2, text), [('message', 'bytes', bytes.fromhex(row['hex']), 2)])
            else:
                self.assertRaises(peer_v1.ReceiverDead, self.received, 2, text)

    def received(self, mode, *blocks):
        receiver = peer_v1.Receiver()
        fed(receiver, [peer_v1.control('SETMODE%d' % mode)])
        return fed(receiver, [block + b'\x1f' for block in blocks])

    def test_receives_every_recorded_transcript_through_every_cut(self):
        for row in vectors('v1-transcripts.json')['vectors']:
            sent = []
            for send in row['sends']:
                data = bytes.fromhex(send['hex']) if send['kind'] == 'bytes' else send['text'].encode(row['encoding'])
                sent.append(('message', 'bytes' if send['mode'] >= 2 else 'text', data, send['mode']))
            for pieces in cuts(bytes.fromhex(row['wire_hex'])):
                items = fed(peer_v1.Receiver(), pieces)
                self.assertEqual([item for item in items if item[0] == 'message'], sent)
                acks = [item for item in items if item == ('answer', 'ACKEOT!!')]
                self.assertEqual(len(acks), sum(item[3] & 1 for item in sent))

    def test_bytes_change_the_mode_and_numbers_go_as_decimal_text(self):
        self.assertEqual(peer_v1.encode('bytes', b'\xff', 0, 'ascii'), (b'{{', 2))
        self.assertEqual(peer_v1.encode('bytes', b'\xff', 1, 'ascii'), (b'{{\x04', 3))
        self.assertEqual(peer_v1.encode('number', 3.5, 0, 'ascii'), (b'3.5', 0))
        self.assertRaises(UnicodeEncodeError, peer_v1.encode, 'text', 'µ', 0, 'ascii')
        self.assertRaises(ValueError, peer_v1.encode, 'text', 'a', 6, 'ascii')
        self.assertRaises(ValueError, peer_v1.encode, 'object', [], 0, 'ascii')

    def test_bad_data_blocks_have_the_effect_that_they_have_on_the_python_module(self):
        def text(data, mode):
            return 'message', 'text', data, mode
        receiver = peer_v1.Receiver()
        self.assertEqual(fed(receiver, [b'\x1f\x1fa\x1f\x1f\x01hello\x1f\x01SETMODE9\x1f']),
                         [text(b'a', 0), text(b'hello', 0), text(b'SETMODE9', 0)])
        self.assertEqual(self.received(1, b'a', b'b\x04')[0], text(b'ab', 1))
        in_mode_1 = [(1, block) for block in (b'a\x04b\x04', b'a\x04b', b'\x04\x04')]
        for mode, block in in_mode_1 + [(2, b'"'), (3, b'~~~~~\x04'), (4, b'00'), (5, b'\x04')]:
            self.assertRaises(peer_v1.ReceiverDead, self.received, mode, block)

    def load(self, text):
        return peer_v1.CarefulUnpickler(peer_v1.io.BytesIO(bytes.fromhex(text))).load()

    def test_reads_plain_pickles(self):
        for row in vectors('pickles.json')['plain']:
            opcodes = {opcode.name for opcode, _, _ in pickletools.genops(bytes.fromhex(row['pickle_hex']))}
            if opcodes & {'GLOBAL', 'STACK_GLOBAL'}:  # bytes below protocol 3 and bytearray below 5 name one
                self.assertLess(row['protocol'], 5)
                self.assertRaises(pickle.UnpicklingError, self.load, row['pickle_hex'])
            else:
                self.assertEqual(repr(self.load(row['pickle_hex']))[:200], row['repr'])  # recorded up to there

    def test_refuses_every_recorded_global(self):
        for row in vectors('pickles.json')['refuse']:
            self.assertRaises(pickle.UnpicklingError, self.load, row['pickle_hex'])

    @unittest.skipUnless(peer_v2.numpy(), 'needs numpy')
    def test_reads_numpy_arrays(self):
        for row in vectors('pickles.json')['numpy']:
            array = self.load(row['pickle_hex'])
            described = peer_v1.describe_object(array)
            self.assertEqual((described['dtype'], described['shape'], described['order']),
                             (row['dtype'], row['shape'], 'F' if row['fortran'] else 'C'))
            self.assertEqual([float(x) for x in array.ravel('C')], row['c_order_values'])


class V1Peer(SteeringOf, PeerTest):
    program, text, chunk = 'peer_v1.py', 'text', b'a' * 5000 + b'\x1f'

    def test_sends_every_recorded_transcript(self):
        peer = self.listener('--encoding', 'utf-8')
        for row in vectors('v1-transcripts.json')['vectors']:
            sock = self.connect_to(peer)
            for send in row['sends']:
                value = send['hex'] if send['kind'] == 'bytes' else send['text']
                peer.tell('send', type=send['kind'], value=value, mode=send['mode'])
            wire, receiver = b'', peer_v1.Receiver()
            while len(wire) < len(row['wire_hex']) // 2:
                chunk = sock.recv(65536)
                self.assertTrue(chunk)
                wire += chunk
                for item in receiver.feed(chunk):
                    if item[0] == 'answer':
                        sock.sendall(peer_v1.control(item[1]))
            for send in row['sends']:
                self.assertEqual(peer.until('done').get('acknowledged'), True if send['mode'] & 1 else None)
            sock.close()
            peer.until('disconnected')
            self.assertEqual(wire.hex(), row['wire_hex'])

    def test_echoes_in_every_mode(self):
        server, client = self.pair('--encoding', 'latin1', '--trace')
        server.do('echo', on=True)
        for kind, value, mode, expected in (
            ('text', 'hé', 0, {'type': 'text', 'value': 'hé', 'hex': '68e9', 'mode': 0}),
            ('text', '', 1, {'type': 'text', 'value': '', 'hex': '', 'mode': 1}),
            ('number', 3.5, 1, {'type': 'text', 'value': '3.5', 'hex': '332e35', 'mode': 1}),
            ('number', '1' + '0' * 20, 0,
             {'type': 'text', 'value': '1' + '0' * 20, 'hex': '31' + '30' * 20, 'mode': 0}),
            ('bytes', '00041fff', 0, {'type': 'bytes', 'value': '00041fff', 'mode': 2}),
            ('bytes', '', 1, {'type': 'bytes', 'value': '', 'mode': 3}),
            ('text', 'hé', 3, {'type': 'bytes', 'value': '68e9', 'mode': 3}),
            ('object', {'a': [1, 2.5, None, True]}, 4,
             {'type': 'object', 'value': {'a': [1, 2.5, None, True]}, 'mode': 4,
              'repr': "{'a': [1, 2.5, None, True]}"}),
            ('text', 'µ', 5, {'type': 'object', 'value': 'µ', 'repr': "'µ'", 'mode': 5}),
            ('bytes', '00', 5, {'type': 'object', 'repr': "b'\\x00'", 'mode': 5}),
        ):
            done = client.do('send', type=kind, value=value, mode=mode)
            self.assertEqual(done.get('acknowledged'), True if expected['mode'] & 1 else None, done)
            self.assertEqual(server.message(), dict(expected, event='message'))
            self.assertEqual(client.message(), dict(expected, event='message'))
        self.assertIn({'event': 'control', 'word': 'SETMODE5'}, server.seen)
        self.assertIn({'event': 'control', 'word': 'ACKEOT!!'}, client.seen)

    def test_sends_python_literals_and_with_a_pickle_protocol(self):
        server, client = self.pair('--pickle-protocol', 2)
        text = "(1, {2: 'x'}, 1180591620717411303424)"
        client.do('send', type='object', repr=text, mode=5)
        self.assertEqual(server.message(), {'event': 'message', 'type': 'object', 'repr': text, 'mode': 5})

    def test_sends_arrays_or_says_that_numpy_is_missing(self):
        # Only protocol 5 keeps big-endian elements. Below it, numpy converts them to the byte order of the machine.
        for protocol, dtype in ((2, '<i2'), (4, '<i2'), (5, '<i2'), (5, '>i2')):
            server, client = self.pair('--pickle-protocol', protocol)
            for order in 'CF':
                array = {'type': 'array', 'dtype': dtype, 'shape': [2, 3], 'seed': 5, 'order': order}
                done = client.do('send', mode=5, timeout=0.5 if protocol == 2 else PATIENCE, **array)
                if peer_v2.numpy() is None:
                    self.assertIn('numpy', done['why'])
                    continue
                expected = struct.pack(dtype[0] + '6h', *((5 + 31 * i) % 127 for i in range(6))).hex()
                if protocol == 2:  # its bytes name _codecs.encode, which is rejected
                    self.assertIs(done['acknowledged'], False)
                    self.assertIn('_codecs', server.until('receiver_dead')['why'])
                    break
                got = server.message()
                self.assertEqual((got['type'], got['dtype'], got['shape'], got['order'], got['value']),
                                 ('array', dtype, [2, 3], order, expected))
                self.assertEqual((done['value'], done['acknowledged']), (expected, True))

    def test_unencodable_text_is_an_error_and_undecodable_text_has_only_hex(self):
        server = self.listener()
        client = self.start('connect', '--port', server.port, '--encoding', 'utf-8')
        client.until('connected')
        client.do('send', type='text', value='µ')
        expected = {'event': 'message', 'type': 'text', 'value': None, 'hex': 'c2b5', 'mode': 0}
        self.assertEqual(server.message(), expected)
        self.assertIn('UnicodeEncodeError', server.do('send', type='text', value='µ')['why'])

    def test_control_answers_and_messages_sent_back_to_back(self):
        server = self.listener('--trace')
        sock = self.connect_to(server)
        blocks = [b'hello', b'\x01SETMODE2', b'00I9', b'\x01SETMODE0', b'back', b'\x01SETMODE1', b'acked\x04',
                  b'more\x04', b'\x01SETMODE3', b'czJps1O\x04', b'\x01SETMODE3', b'\x01ACKEOT!!']
        sock.sendall(b'\x1f'.join(blocks) + b'\x1f')
        self.assertEqual(server.message()['value'], 'hello')
        self.assertEqual([server.message()['mode'] for _ in range(5)], [2, 0, 1, 1, 3])
        ack, eot = b'\x01ACKMODCG\x1f', b'\x01ACKEOT!!\x1f'
        expected, got = ack * 3 + eot * 2 + ack + eot + ack, b''
        while len(got) < len(expected):
            got += sock.recv(4096)
        self.assertEqual(got, expected)
        server.until(lambda e: e == {'event': 'control', 'word': 'ACKEOT!!', 'unasked': True})

    def test_waits_for_each_answer_and_ignores_a_late_one(self):
        server = self.listener()
        sock = self.connect_to(server)
        stream = sock.makefile('rb')
        server.tell('send', type='text', value='1', mode=1)
        self.assertEqual(stream.read(10), b'\x01SETMODE1\x1f')
        sock.sendall(b'text\x1f')
        server.message()
        self.assertEqual([event['event'] for event in server.seen], [])
        sock.sendall(b'\x01ACKMODCG\x1f')
        self.assertEqual(stream.read(3), b'1\x04\x1f')
        sock.sendall(b'\x01ACKEOT!!\x1f')
        self.assertTrue(server.until('done')['acknowledged'])
        self.assertIs(server.do('send', type='text', value='2', mode=1, timeout=0.05)['acknowledged'], False)
        sock.sendall(b'\x01ACKEOT!!\x1f')
        self.assertIs(server.do('send', type='text', value='3', mode=1, timeout=0.05)['acknowledged'], False)
        self.assertIn('ACKMODCG', server.do('send', type='text', value='4', timeout=0.05)['why'])
        self.assertEqual(stream.read(16), b'2\x04\x1f3\x04\x1f\x01SETMODE0\x1f')

    def test_a_cut_ends_the_wait_for_an_answer(self):
        server = self.listener()
        sock = self.connect_to(server)
        server.tell('send', type='text', value='1', mode=1, timeout=100 * PATIENCE)
        stream = sock.makefile('rb')
        stream.read(10)
        sock.sendall(b'\x01ACKMODCG\x1f')
        stream.read(3)
        server.do('cut', how='rst')
        self.assertIs(server.until(lambda e: e.get('do') == 'send')['acknowledged'], False)

    def test_receives_nothing_until_the_connection_ends(self):
        server = self.listener()
        for bad in (b'\x01SETMODE1\x1fa\x04b\x04\x1f', b'\x01SETMODE2\x1f"\x1f', b'\x01SETMODE4\x1f00\x1f'):
            sock = self.connect_to(server)
            sock.sendall(bad)
            self.assertIn('mode', server.until('receiver_dead')['why'])
            sock.sendall(b'\x01SETMODE0\x1fhello\x1f')
            sock.shutdown(socket.SHUT_WR)
            server.until('disconnected')
            self.assertEqual(sock.recv(100), b'\x01ACKMODCG\x1f')
            sock.close()
            self.assert_nothing_more(server)

    def test_starts_in_mode_0_on_each_connection_without_keep_mode(self):
        for options, hexes in (((), ['ff', 'fe']), (('--keep-mode',), ['ff', b'{r'.hex()])):
            server, client = self.pair(connect=('--auto-restart',) + options)
            client.do('send', type='bytes', value='ff', mode=2)
            self.assertEqual(server.message()['value'], hexes[0])
            server.do('cut', how='fin')
            client.until('reconnected')
            server.until('connected')
            client.do('send', type='bytes', value='fe', mode=2)
            got = server.message()
            self.assertEqual((got['mode'], got.get('hex', got['value'])), (0 if options else 2, hexes[1]))


if __name__ == '__main__':
    unittest.main()
