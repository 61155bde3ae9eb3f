"""Runs the vectors of docs/protocol-v2.md, one JSON object per line on stdin. Prints what differs, and how many were run."""
import json
import logging
import sys

import serpy_session as s

logging.disable()  # discarded messages are expected
run = 0


def value_of(line):
    kind, _, rest = line.partition(" ")
    if kind == "int":
        return int(rest)
    if kind == "float":
        return float(rest.replace("Infinity", "inf"))
    return json.loads(rest) if kind == "str" else bytes.fromhex(rest)


def same(a, b):
    return type(a) is type(b) and (repr(a) == repr(b) if isinstance(a, float) else a == b)


class Wire:
    """A link that holds these bytes, and then ends."""

    encrypted = dead = trusted = False
    plain_sent = 0

    def __init__(self, data):
        self.data, self.at, self.outgoing = memoryview(data), 0, []

    def wait(self, count, deadline=None):
        if len(self.data) - self.at < count:
            raise s._Broken("the connection ended")
        return True

    def peek(self, count):
        return bytes(self.data[self.at:self.at + count])

    def read(self, count):
        self.wait(count)
        self.at += count
        return self.data[self.at - count:self.at]


class NoServer:
    _add = _remove = staticmethod(lambda connection: None)
    _handler = None


def receive(data):
    """What the base protocol makes of these bytes: values, bytes to send, and the error."""
    connection = s.Connection.__new__(s.Connection)
    connection._setup(s.Options(session="off", max_message_bytes=1_000_000), NoServer())
    wire = Wire(data)
    try:
        connection._read_frames(wire, None, 0)
    except (s._Broken, s.ProtocolError) as error:
        return [each[0] for each in connection._inbox], b"".join(wire.outgoing), error


def check(vector):
    kind = vector["kind"]
    get = lambda key: bytes.fromhex(vector[key])
    if kind == "v2-message":
        value = value_of(vector["value"])
        payload = s.encode(value)
        assert s.frame(payload[0], b"".join(payload[1])) == get("bytes"), "sent"
        assert same(receive(get("bytes"))[0][0], value), "received"
    elif kind == "v2-receive":
        values, sends, error = receive(get("bytes"))
        expected = [value_of(each) for each in vector["gives"]]
        assert len(values) == len(expected) and all(map(same, values, expected)), values
        assert isinstance(error, s.ProtocolError) == ("error" in vector), error
        assert sends == get("sends") if "sends" in vector else sends == b"", sends
    elif kind == "negotiation":
        data = get("bytes")
        tag = s.HELLO if vector["from"] == "client" else s.WELCOME
        fields = s.read_handshake(tag, data[14:])
        assert s.handshake(tag, fields) == data, "sent"
    elif kind == "proof":
        assert s.proof(get("secret"), get("id"), int(vector["attempt"])) == get("proof")
    elif kind == "psk":
        assert s.read_key(vector["key"]) == get("secret") and s.psk_of(get("secret")) == get("psk")
    elif kind == "digest":
        data = bytes(n % 251 for n in range(int(vector["length"])))
        assert "%08X" % s.digest(data) == vector["digest"], "%08X" % s.digest(data)
        library, s._library = s._library, None
        assert "%08X" % s.digest(data) == vector["digest"], "without the library xxHash"
        numpy, s.np = s.np, None
        try:
            assert "%08X" % s.digest(data) == vector["digest"], "without numpy"
        finally:
            s.np, s._library = numpy, library
    elif kind == "record":
        data, offset = get("bytes"), int(vector["offset"])
        type_ = data[3]
        assert b"".join(s.record(type_, data[12:], offset)) == data, "built"
        if vector["type"] == "data":
            session, values = s._Session(b"", b"", 0), []
            session.feed(memoryview(data)[12:], lambda kind, payload, end: values.append(s.decode(kind, payload)), 1000)
            assert values == [value_of(each) for each in vector["gives"]], values
    elif kind == "about":
        try:
            type_, payload, about = s.read_about(bytearray(get("bytes")))
        except s.ProtocolError:
            assert "error" in vector
            return
        assert same(s.decode(type_, payload), value_of(vector["value"]))
        stated = {key: json.loads(vector[word]) for key, word in (("name", "quantity"), ("unit", "unit")) if word in vector}
        if vector["axes"]:
            stated["axes"] = [json.loads(each) for each in vector["axes"]]
        assert about == stated, about
    elif kind == "request":
        data, number = get("bytes"), int(vector["number"])
        part = ["request", "response", "failure", "cancel"].index(vector["part"]) if vector["part"] != "unknown" else 9
        if part <= 1:
            type_, parts = s.encode(value_of(vector["value"]))
            entry = s._request(part, number, type_, parts)
        elif part == 2:
            code = vector.get("code", "").encode()
            entry = s._request(part, number, 0, [bytes([len(code)]) + code + vector["text"].encode()])
        else:
            entry = s._request(part, number)
        assert b"".join(entry.parts) == data, "built"
        connection = s.Connection.__new__(s.Connection)
        connection._setup(s.Options(), None)
        asked = connection._asked[number] = s._Asked(entry)
        connection._workers = 8
        with connection._lock:
            connection._request_part(bytearray(data))
        assert (number in connection._to_answer) == (part == 0)
        assert asked.done == (part in (1, 2))
        if part == 1:
            assert asked.answer == value_of(vector["value"])
        if part == 2:
            assert asked.error.code == vector.get("code", ""), asked.error.code
    else:
        raise AssertionError("unknown kind " + kind)


for line in sys.stdin:
    vector = json.loads(line)
    try:
        check(vector)
        run += 1
    except Exception as error:
        print(vector["kind"], vector.get("name", vector.get("value", "")), type(error).__name__, error)
print(run)
